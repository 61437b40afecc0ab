"""Label-weighted label-ranking average precision (LWLRAP), the metric of Freesound Audio Tagging 2019.

For each clip and each of its labels: the precision of the clip's ranking of the classes, cut at that label.
LWLRAP is the mean over all labels of all clips; equally, the mean over the classes, weighted by their
share of the labels. It is 1 when each clip ranks its own labels first.

Conventions: ``truth`` and ``scores`` are ``(clips, classes)``; a label is an entry of ``truth`` >= 0.5, so
that mixed and smoothed labels can be scored. Clips without a label are left out. Ties count against the
label (all tied classes rank before the cut), as in scikit-learn's ``label_ranking_average_precision_score``
with the clips' label counts as sample weights; without ties that is the competition's own score.

The same metric for Keras is in :mod:`fat2019.models.keras_metric`: it needs TensorFlow, this module only NumPy.
"""

import numpy as np
import numpy.typing as npt

# Elements of one (labels, classes) block of comparisons: small enough to stay in the processor's cache.
_BLOCK_ELEMENTS = 1 << 18


def lwlrap(truth: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """LWLRAP of ``scores`` against ``truth``, both ``(clips, classes)``, in (0, 1].

    Raises:
        ValueError: the shapes differ or are not ``(clips, classes)``, a value is NaN or infinite, or there is
            no label at all.
    """
    _, _, precisions = _precision_at_labels(truth, scores)
    return float(precisions.mean())


def lwlrap_per_class(truth: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Mean precision and weight of each class, both ``(classes,)`` float64.

    Arguments and errors are those of :func:`lwlrap`. The weight is the class's share of all labels. A class
    without a label has precision NaN and weight 0; over the others, precision * weight sum to the LWLRAP.
    """
    classes, columns, precisions = _precision_at_labels(truth, scores)
    labels = np.bincount(columns, minlength=classes)  # (classes,)
    sums = np.bincount(columns, weights=precisions, minlength=classes)  # (classes,)
    per_class = np.divide(sums, labels, out=np.full(classes, np.nan), where=labels > 0)
    return per_class, labels / labels.sum()


def _precision_at_labels(truth: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of classes; and for each label in turn its class and its precision, both ``(labels,)``."""
    truth, scores = _checked(truth, scores)  # (clips, classes)
    clips, columns = np.nonzero(truth)  # (labels,)
    if not clips.size:
        raise ValueError(f"Expected at least one label. Received {len(truth)} clips without any.")
    # One comparison a label and class, instead of sorting every clip: most clips have a single label.
    precisions = np.empty(clips.size)
    block = max(1, _BLOCK_ELEMENTS // truth.shape[1])
    for start in range(0, clips.size, block):
        rows, cut = clips[start : start + block], columns[start : start + block]
        not_below = scores[rows] >= scores[rows, cut][:, None]  # (labels, classes)
        hits = np.count_nonzero(not_below & truth[rows], axis=1)
        precisions[start : start + block] = hits / np.count_nonzero(not_below, axis=1)
    return truth.shape[1], columns, precisions


def _checked(truth: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    truth, scores = np.asarray(truth), np.asarray(scores)
    if truth.ndim != 2 or truth.shape != scores.shape:
        raise ValueError(
            "Expected truth and scores of one shape (clips, classes). "
            f"Received shapes {truth.shape} and {scores.shape}."
        )
    for name, values in (("truth", truth), ("scores", scores)):
        finite = np.isfinite(values)
        if not finite.all():
            clip, column = np.argwhere(~finite)[0]
            raise ValueError(
                f"Expected finite {name}. Received {values[clip, column]} for clip {clip}, "
                f"class {column} ({np.count_nonzero(~finite)} such values in all)."
            )
    return truth >= 0.5, scores
