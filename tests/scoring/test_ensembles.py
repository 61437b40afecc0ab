import numpy as np
import pytest

from fat2019.scoring.ensembles import combine

SCORES = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float32)


def test_models_are_averaged():
    np.testing.assert_allclose(combine([SCORES, SCORES + 0.2]), SCORES + 0.1, rtol=1e-6)


def test_weights_are_relative():
    expected = 0.75 * SCORES + 0.25 * SCORES[::-1]
    np.testing.assert_allclose(combine([SCORES, SCORES[::-1]], weights=[3, 1]), expected, rtol=1e-6)


def test_the_geometric_mean_is_weighted_in_the_exponent():
    np.testing.assert_allclose(
        combine([np.full((1, 1), 0.5), np.full((1, 1), 0.1)], "geometric", [2, 1]), [[(0.5 * 0.5 * 0.1) ** (1 / 3)]]
    )


def test_a_model_alone_stays_as_it_is():
    np.testing.assert_array_equal(combine([SCORES]), SCORES)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan], [np.inf, 1]])
def test_weights_that_make_no_mean_are_refused(weights):
    with pytest.raises(ValueError, match="Expected 2 weights"):
        combine([SCORES, SCORES], weights=weights)


@pytest.mark.parametrize("scores", [[], [SCORES, SCORES[:1]]])
def test_no_scores_or_scores_of_other_shapes_are_refused(scores):
    with pytest.raises(ValueError, match=r"Expected scores of one shape\. Received"):
        combine(scores)
