"""The two means of scores.

A mean is ``arithmetic``, or ``geometric``: that of probabilities, those below 1e-7 taken as 1e-7 so that one
model's zero cannot overrule all others.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

Mean = Literal["arithmetic", "geometric"]

_LOWEST_PROBABILITY = 1e-7


def scale_of(mean: Mean) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """The function into the scale in which the mean is a plain average, in float64, and the one back."""
    if mean == "arithmetic":
        return lambda scores: np.asarray(scores, np.float64), lambda scores: scores
    if mean == "geometric":
        return _log_probabilities, np.exp
    raise ValueError(f"Expected the mean 'arithmetic' or 'geometric'. Received {mean!r}.")


def _log_probabilities(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, np.float64)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            "Expected probabilities from 0 to 1 for the geometric mean. "
            f"Received values from {scores.min()} to {scores.max()}."
        )
    return np.log(np.maximum(scores, _LOWEST_PROBABILITY))
