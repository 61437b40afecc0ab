"""Window scores -> clip scores."""

import numpy as np

from fat2019.scoring.means import Mean, scale_of


def pool_windows(scores: np.ndarray, clip_of_window: np.ndarray, clips: int, mean: Mean = "arithmetic") -> np.ndarray:
    """Scores of windows ``(windows, classes)`` -> their means over each clip ``(clips, classes)``, float64.

    ``clip_of_window`` ``(windows,)`` holds the clip's number of each window, sorted.

    Raises:
        ValueError: a clip without window, numbers out of order or range, shapes that do not fit, another
            mean, or values that are no probabilities for the geometric mean.
    """
    scores, clip_of_window = np.asarray(scores), np.asarray(clip_of_window)
    if scores.ndim != 2 or clip_of_window.shape != scores.shape[:1]:
        raise ValueError(
            "Expected scores (windows, classes) and clip_of_window (windows,). "
            f"Received shapes {scores.shape} and {clip_of_window.shape}."
        )
    first, counts = np.unique(clip_of_window, return_index=True, return_counts=True)[1:]  # (clips,)
    if (np.diff(clip_of_window) < 0).any() or not np.array_equal(clip_of_window[first], np.arange(clips)):
        missing = np.setdiff1d(np.arange(clips), clip_of_window)
        raise ValueError(
            f"Expected the sorted numbers of the clips 0 to {clips - 1}, each at least once. "
            f"Received {len(clip_of_window)} numbers, without clips {missing[:3].tolist()}."
        )
    into, out_of = scale_of(mean)
    sums = np.add.reduceat(into(scores), first, axis=0)  # (clips, classes)
    return out_of(sums / counts[:, None])
