"""LWLRAP as a Keras metric: :func:`fat2019.scoring.metrics.lwlrap`, accumulated batch by batch.

A module of its own, so that scoring a CSV file needs no TensorFlow.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="fat2019")
class LwlrapMetric(keras.metrics.Metric):
    """LWLRAP over all batches since the last reset, as if they were one, to float64 precision.

    ``y_true`` and ``y_pred`` are ``(clips, classes)``; a label is an entry of ``y_true`` >= 0.5, so mixed and
    smoothed labels count. ``sample_weight`` ``(clips,)`` weights clips. A graph cannot raise errors as the NumPy
    version does, so the result is NaN if a labelled clip has a score that is not finite, or as long as there is no
    label at all.
    """

    def __init__(self, classes: int, name: str = "lwlrap", dtype: Any = "float64") -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self.precision_sums = self.add_variable((classes,), "zeros", self.dtype, name="precision_sums")
        self.label_weights = self.add_variable((classes,), "zeros", self.dtype, name="label_weights")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch."""
        scores = ops.convert_to_tensor(y_pred)  # (clips, classes)
        truth = ops.greater_equal(y_true, 0.5)  # (clips, classes)
        # Every class against every cut. The comparison keeps the scores' own type: casting could make ties.
        not_below = scores[:, None, :] >= scores[:, :, None]  # (clips, cuts, classes)
        ranks = self._count(not_below)  # (clips, cuts)
        hits = self._count(ops.logical_and(not_below, truth[:, None, :]))  # (clips, cuts)
        precisions = hits / ranks
        finite = ops.all(ops.isfinite(scores), axis=-1, keepdims=True)  # (clips, 1)
        precisions = ops.where(finite, precisions, float("nan"))

        weights = ops.cast(truth, self.dtype)  # (clips, classes)
        if sample_weight is not None:
            weights *= ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        # Not a product: a NaN at a class that is not a label must not count.
        self.precision_sums.assign_add(ops.sum(ops.where(truth, precisions * weights, 0.0), axis=0))
        self.label_weights.assign_add(ops.sum(weights, axis=0))

    def result(self) -> Any:
        """LWLRAP so far, a scalar."""
        return ops.sum(self.precision_sums) / ops.sum(self.label_weights)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}

    def _count(self, which: Any) -> Any:
        # float32 holds counts of classes exactly, and its sum is far faster on a CPU than ops.count_nonzero.
        return ops.cast(ops.sum(ops.cast(which, "float32"), axis=-1), self.dtype)
