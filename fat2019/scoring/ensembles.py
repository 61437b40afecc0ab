"""The scores of several models -> those of their ensemble."""

from collections.abc import Sequence

import numpy as np

from fat2019.scoring.means import Mean, scale_of


def combine(
    scores: Sequence[np.ndarray], mean: Mean = "arithmetic", weights: Sequence[float] | None = None
) -> np.ndarray:
    """The scores of several models, each ``(clips, classes)`` -> their weighted mean, of that shape, float64.

    Raises:
        ValueError: no scores, scores of different shapes, weights that are not one per model, >= 0 and with a
            sum above 0, another mean, or values that are no probabilities for the geometric mean.
    """
    shapes = {np.shape(one) for one in scores}
    if len(shapes) != 1:
        raise ValueError(f"Expected scores of one shape. Received {len(scores)} of shapes {sorted(shapes)}.")
    share = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)  # (models,)
    if not are_weights(share, len(scores)):
        raise ValueError(f"Expected {len(scores)} weights >= 0 with a sum above 0. Received {weights}.")
    into, out_of = scale_of(mean)
    total = sum(weight * into(one) for weight, one in zip(share / share.sum(), scores, strict=True))
    return out_of(np.asarray(total))  # (clips, classes)


def are_weights(weights: Sequence[float] | np.ndarray, models: int) -> bool:
    """Whether so many models can be weighed by them: one each, none below 0, and not all 0."""
    weights = np.asarray(weights, np.float64)
    return weights.shape == (models,) and bool((weights >= 0).all() and 0 < weights.sum() < np.inf)
