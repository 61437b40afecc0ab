import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score

from fat2019.scoring.metrics import lwlrap, lwlrap_per_class
from tests.oracles.lwlrap import lwlrap_by_definition, lwlrap_of_the_competition


def random_case(seed, clips=23, classes=7, ties=False, labels=0.3):
    rng = np.random.default_rng(seed)
    truth = (rng.random((clips, classes)) < labels).astype(np.uint8)
    truth[0, 0] = 1
    scores = (
        rng.integers(0, 4, truth.shape) / 4
        if ties
        else rng.permuted(np.tile(np.arange(classes) / classes, (clips, 1)), axis=1)
    )
    return truth, scores


cases = st.builds(random_case, st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 9), st.booleans())


# The table of each case: one clip a row; the precisions at its labels are worked out by hand.
@pytest.mark.parametrize(
    ("truth", "scores", "expected"),
    [
        ([[0, 1, 0]], [[0.2, 0.9, 0.1]], 1.0),
        ([[0, 1, 0]], [[0.9, 0.2, 0.1]], 1 / 2),
        ([[0, 0, 1]], [[0.9, 0.2, 0.1]], 1 / 3),
        ([[1, 0, 1]], [[0.9, 0.2, 0.1]], (1 + 2 / 3) / 2),
        ([[1, 0, 1], [0, 1, 0]], [[0.9, 0.2, 0.1], [0.3, 0.2, 0.1]], (1 + 2 / 3 + 1 / 2) / 3),
        ([[0, 1, 1, 0]], [[0.4, 0.3, 0.2, 0.1]], (1 / 2 + 2 / 3) / 2),
        # Ties: a tied class ranks before the label, and a tied label is a hit.
        ([[1, 0, 0]], [[0.5, 0.5, 0.5]], 1 / 3),
        ([[1, 1, 0]], [[0.5, 0.5, 0.1]], 1.0),
        ([[1, 1, 0]], [[0.5, 0.5, 0.5]], 2 / 3),
        # Clips without a label are left out.
        ([[0, 0, 0], [0, 1, 0]], [[0.9, 0.2, 0.1], [0.3, 0.2, 0.1]], 1 / 2),
        # All classes are labels: nothing can be wrong.
        ([[1, 1, 1]], [[0.3, 0.2, 0.1]], 1.0),
    ],
)
def test_tables_worked_out_by_hand(truth, scores, expected):
    assert lwlrap(truth, scores) == pytest.approx(expected, abs=1e-15)


@given(cases)
def test_it_is_the_definition_written_down_slowly(case):
    assert lwlrap(*case) == pytest.approx(lwlrap_by_definition(*case), abs=1e-12)


@given(cases)
def test_it_is_scikit_learns_weighted_by_label_counts_with_ties_too(case):
    truth, scores = case
    expected = label_ranking_average_precision_score(truth, scores, sample_weight=truth.sum(axis=1))
    assert lwlrap(truth, scores) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 9))
def test_without_ties_it_is_the_competitions_score_class_by_class(seed, clips, classes):
    truth, scores = random_case(seed, clips, classes)
    expected, expected_weight = lwlrap_of_the_competition(truth, scores)
    per_class, weight = lwlrap_per_class(truth, scores)
    np.testing.assert_allclose(np.nan_to_num(per_class), expected, atol=1e-12)
    np.testing.assert_allclose(weight, expected_weight, atol=1e-15)
    assert lwlrap(truth, scores) == pytest.approx(expected @ expected_weight, abs=1e-12)


@given(cases)
def test_class_means_weighted_by_their_share_of_labels_sum_to_the_score(case):
    per_class, weight = lwlrap_per_class(*case)
    assert np.nansum(per_class * weight) == pytest.approx(lwlrap(*case), abs=1e-12)
    assert weight.sum() == pytest.approx(1)


def test_a_class_without_labels_has_no_precision_and_no_weight():
    per_class, weight = lwlrap_per_class([[1, 0, 0], [1, 0, 1]], [[0.9, 0.5, 0.1], [0.1, 0.5, 0.9]])
    np.testing.assert_allclose(per_class, [(1 + 2 / 3) / 2, np.nan, 1])
    np.testing.assert_allclose(weight, [2 / 3, 0, 1 / 3])


def test_more_labels_than_fit_one_block_give_the_same_score():
    truth, scores = random_case(1, clips=9000, classes=80, labels=0.05)
    expected = label_ranking_average_precision_score(truth, scores, sample_weight=truth.sum(axis=1))
    assert lwlrap(truth, scores) == pytest.approx(expected, abs=1e-12)


@given(cases, st.integers(0, 10**6))
def test_the_order_of_clips_and_of_classes_does_not_matter(case, seed):
    truth, scores = case
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(truth.shape[0]), rng.permutation(truth.shape[1])
    shuffled = lwlrap(truth[rows][:, columns], scores[rows][:, columns])
    assert shuffled == pytest.approx(lwlrap(truth, scores), abs=1e-12)


@given(cases, st.sampled_from([np.exp, np.cbrt, lambda x: 1e6 * x - 3]))
def test_only_the_ranking_counts(case, increasing):
    truth, scores = case
    assert lwlrap(truth, increasing(scores)) == lwlrap(truth, scores)


@given(cases)
def test_a_score_lies_between_ranking_the_labels_last_and_one(case):
    truth, scores = case
    labels_last = np.arange(truth.shape[1]) / truth.shape[1] - truth  # without ties: tied labels are hits
    assert lwlrap(truth, labels_last) - 1e-12 <= lwlrap(truth, scores) <= 1


@given(cases)
def test_ranking_the_labels_first_scores_one(case):
    truth, scores = case
    assert lwlrap(truth, truth + scores / 2) == 1


def test_mixed_labels_count_from_one_half():
    scores = [[0.9, 0.2, 0.1], [0.9, 0.2, 0.1]]
    assert lwlrap([[0.3, 0.7, 0], [0.5, 0, 0.5]], scores) == lwlrap([[0, 1, 0], [1, 0, 1]], scores)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused_and_the_place_is_named(bad):
    with pytest.raises(ValueError, match=r"finite scores\. Received .*clip 1, class 2 \(1 such"):
        lwlrap([[1, 0, 0], [0, 1, 0]], [[0.1, 0.2, 0.3], [0.1, 0.2, bad]])


def test_truth_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite truth"):
        lwlrap([[1, np.nan]], [[0.1, 0.2]])


@pytest.mark.parametrize(
    ("truth", "scores"),
    [
        ([[1, 0]], [[0.1, 0.2, 0.3]]),
        ([[1, 0]], [[0.1, 0.2], [0.1, 0.2]]),
        ([1, 0], [0.1, 0.2]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(truth, scores):
    with pytest.raises(ValueError, match=r"Expected .*\(clips, classes\).*Received"):
        lwlrap(truth, scores)


@pytest.mark.parametrize("truth", [np.zeros((3, 4)), np.zeros((0, 4)), np.zeros((3, 0))])
def test_a_truth_without_any_label_is_refused(truth):
    with pytest.raises(ValueError, match="at least one label"):
        lwlrap(truth, np.zeros(truth.shape))


def test_scoring_needs_no_tensorflow():
    code = "import sys, fat2019.scoring.metrics; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
