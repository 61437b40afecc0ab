import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.data.split import METHODS, balance, folds, split_indices
from fat2019.errors import DataError


def unbalanced_labels(clips=600, classes=20, seed=0):
    """Multi-hot labels like the curated clips': one to three a clip, some classes far rarer than others."""
    rng = np.random.default_rng(seed)
    popularity = np.linspace(1, 4, classes) / np.linspace(1, 4, classes).sum()
    labels = np.zeros((clips, classes), np.uint8)
    for row in labels:
        row[rng.choice(classes, rng.choice([1, 1, 1, 2, 3]), replace=False, p=popularity)] = 1
    return labels


any_labels = st.builds(unbalanced_labels, st.integers(10, 60), st.integers(3, 8), st.integers(0, 10**6))


@settings(max_examples=40, deadline=None)  # the first call imports scikit-multilearn
@given(any_labels, st.sampled_from(METHODS), st.sampled_from([0.1, 0.2, 0.5]), st.integers(0, 2**32 - 1))
def test_the_parts_are_sorted_disjoint_and_complete(labels, method, share, seed):
    train, validation = split_indices(labels, method=method, validation_share=share, seed=seed)
    assert train.dtype == validation.dtype == np.int64
    assert (np.diff(train) > 0).all() and (np.diff(validation) > 0).all()
    assert sorted([*train, *validation]) == list(range(len(labels)))


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_parts_again_and_another_seed_others(method):
    labels = unbalanced_labels()
    first, again, other = (split_indices(labels, method=method, seed=seed)[1] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("iterative", [0, 5, 10]),
        ("plain", [2, 7, 10]),
    ],
)
def test_a_seed_means_these_parts_on_every_machine(method, expected):
    labels = np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]]
    _, validation = split_indices(labels, method=method, validation_share=0.25, seed=7)
    assert validation.tolist() == expected


def test_numpys_global_generator_neither_matters_nor_changes():
    labels = unbalanced_labels(100)
    np.random.seed(1)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = split_indices(labels, seed=0)[1], *folds(labels, 3, seed=0)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    again = split_indices(labels, seed=0)[1], *folds(labels, 3, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_plain_split_has_exactly_the_share_asked_for():
    assert len(split_indices(unbalanced_labels(603), method="plain", validation_share=0.2, seed=0)[1]) == 121


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_an_iterative_split_keeps_the_share_of_every_class(share):
    labels = unbalanced_labels()
    table = balance(labels, *split_indices(labels, validation_share=share, seed=0))
    # To within one and a half clips of each class; a plain split of the same labels misses by up to ten.
    wanted = share * (table.train + table.validation)
    assert (table.validation - wanted).abs().max() <= 1.5
    plain = balance(labels, *split_indices(labels, method="plain", validation_share=share, seed=0))
    assert (plain.validation - wanted).abs().max() > 3


def test_an_iterative_split_has_every_class_that_can_be_on_both_sides_there():
    # A class of 3 clips is owed 0.6 of one at a share of 0.2; one of 2 is owed less than half a clip.
    labels = np.repeat(np.eye(40, dtype=np.uint8), 3, axis=0)
    table = balance(labels, *split_indices(labels, seed=0))
    assert (table.train == 2).all() and (table.validation == 1).all()


def test_clips_without_labels_are_shared_out_too():
    labels = np.vstack([unbalanced_labels(100), np.zeros((100, 20), np.uint8)])
    train, validation = split_indices(labels, seed=0)
    assert (train >= 100).sum() > (validation >= 100).sum() > 0


def test_folds_hold_each_clip_once_and_share_out_every_class():
    labels = unbalanced_labels()
    parts = folds(labels, 5, seed=0)
    assert len(parts) == 5
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    counts = np.stack([labels[part].sum(axis=0) for part in parts])  # (folds, classes)
    assert np.ptp(counts, axis=0).max() <= 4
    assert all((np.diff(part) > 0).all() for part in parts)


def test_the_balance_counts_clips_of_each_class_in_both_parts():
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]], np.uint8)
    table = balance(labels, np.array([0, 1]), np.array([2, 3]), names=("Bark", "Bus", "Gong"))
    assert table.index.tolist() == ["Bark", "Bus", "Gong"]
    assert table.train.tolist() == [2, 1, 0]
    assert table.validation.tolist() == [1, 1, 0]
    np.testing.assert_allclose(table.validation_share, [1 / 3, 1 / 2, np.nan])
    assert balance(labels, np.array([0]), np.array([1])).index.tolist() == [0, 1, 2]


def test_counts_beyond_255_do_not_wrap_around():
    labels = np.ones((600, 1), np.uint8)
    assert balance(labels, np.arange(300), np.arange(300, 600)).train.tolist() == [300]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "random"}, "split method.*'random'"),
        ({"validation_share": 0.0}, "validation share.*0.0"),
        ({"validation_share": 1.5}, "validation share.*1.5"),
        ({"validation_share": 0.01, "method": "plain"}, "one part empty"),
    ],
)
def test_options_that_make_no_split_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        split_indices(unbalanced_labels(20), seed=0, **options)


@pytest.mark.parametrize("clips", [0, 1])
def test_fewer_than_two_clips_cannot_be_split(clips):
    with pytest.raises(DataError, match="at least 2 clips"):
        split_indices(np.ones((clips, 3), np.uint8), seed=0)


@pytest.mark.parametrize("k", [1, 21])
def test_a_number_of_folds_that_cannot_be_is_refused(k):
    with pytest.raises(DataError, match=f"from 2 to the 20 clips, received {k}"):
        folds(unbalanced_labels(20), k, seed=0)


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"Expected .*\(clips, classes\).*Received"):
        split_indices(np.ones(5, np.uint8), seed=0)


def test_folds_of_which_one_would_be_empty_are_refused():
    labels = np.eye(5, dtype=np.uint8)[np.arange(14) % 5]
    with pytest.raises(DataError, match="folds: 7 of 14 clips leave one empty; give fewer"):
        folds(labels, 7, seed=0)
