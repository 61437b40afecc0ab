"""The two means of scores."""

import numpy as np
import pytest

from fat2019.scoring.ensembles import combine

SCORES = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float32)


def test_one_models_zero_does_not_overrule_the_others():
    certain, zero = np.array([[0.9, 0.1]]), np.array([[0.0, 0.1]])
    assert combine([certain, zero], "geometric")[0, 0] == pytest.approx(np.sqrt(0.9 * 1e-7))


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_the_geometric_mean_of_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        combine([SCORES, np.full_like(SCORES, bad)], "geometric")


def test_another_mean_is_refused():
    with pytest.raises(ValueError, match="'harmonic'"):
        combine([SCORES], "harmonic")
