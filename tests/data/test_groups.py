import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.data.groups import joined_groups
from fat2019.data.split import folds, split_indices


def test_clips_without_a_group_are_groups_of_their_own():
    assert joined_groups(["", "", ""], range(3)).tolist() == [0, 1, 2]


def test_groups_and_copies_join_clips_also_by_way_of_others():
    assert joined_groups(["a", "b", "a", "", "b"], [0, 1, 2, 2, 4]).tolist() == [0, 1, 0, 0, 1]
    assert joined_groups(["a", "b", "b"], [0, 0, 2]).tolist() == [0, 0, 0]


def test_several_ways_of_being_the_same_sound_join_clips_together():
    copies, near = [0, 0, 2, 3, 4], [0, 3, 2, 1, 4]
    assert joined_groups([""] * 5, copies, near).tolist() == [0, 0, 2, 0, 4]
    assert joined_groups([""] * 5).tolist() == [0, 1, 2, 3, 4]


def multi_hot(seed, clips, classes=4):
    labels = (np.random.default_rng(seed).random((clips, classes)) < 0.3).astype(np.uint8)
    labels[np.arange(clips), np.arange(clips) % classes] = 1
    return labels


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 30), min_size=40, max_size=60))
def test_no_group_stands_on_both_sides_and_no_clip_is_lost(seed, numbers):
    groups, labels = np.array(numbers), multi_hot(seed, len(numbers))
    if len(set(numbers)) < 12:
        return
    for method in ("iterative", "plain"):
        train, validation = split_indices(labels, method=method, validation_share=0.3, seed=seed, groups=groups)
        assert sorted([*train, *validation]) == list(range(len(numbers)))
        assert not set(groups[train]) & set(groups[validation])
    parts = folds(labels, 3, seed, groups)
    assert sorted(np.concatenate(parts)) == list(range(len(numbers)))
    assert not set(groups[parts[0]]) & set(groups[parts[1]])


def test_where_every_clip_is_its_own_group_nothing_changes():
    labels = multi_hot(0, 50)
    for method in ("iterative", "plain"):
        plain = split_indices(labels, method=method, seed=3)
        grouped = split_indices(labels, method=method, seed=3, groups=np.random.default_rng(0).permutation(50))
        np.testing.assert_array_equal(plain[1], grouped[1])
    np.testing.assert_array_equal(folds(labels, 5, 1)[2], folds(labels, 5, 1, np.arange(50))[2])
