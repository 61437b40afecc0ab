"""What is minimised: binary cross-entropy with its variations for tags and for wrong labels, and a ranking loss.

Labels ``(batch, classes)`` are in 0..1, and may be mixed ones; probabilities ``(batch, classes)`` give one number a
window, ``(batch,)``.
"""

import math
from typing import Any

import keras

from fat2019.config.training import Stage
from fat2019.errors import DataError
from fat2019.utils.values import choices

KINDS = choices(Stage, "loss")

_NEVER_ZERO = 1e-7  # nor one, so that every logarithm is finite


@keras.saving.register_keras_serializable(package="fat2019")
class TaggingLoss(keras.losses.Loss):
    """Cross-entropy over the classes, or LSEP, of labels that may be smoothed or bootstrapped."""

    def __init__(
        self,
        kind: str = "cross-entropy",
        focal_gamma: float = 0.0,
        label_smoothing: float = 0.0,
        bootstrap: float = 0.0,
        name: str = "tagging_loss",
        **options: Any,
    ) -> None:
        """
        Args:
            kind: ``cross-entropy``, or ``lsep``, which looks only at how true classes rank above false ones
                (arXiv 1704.03135).
            focal_gamma: weigh each class by (1 - the probability of its label) to this power (arXiv 1708.02002).
            label_smoothing: the share of every label that is moved to one half.
            bootstrap: the share of every label that is replaced by what the network itself says (arXiv 1412.6596,
                "soft").

        Raises:
            DataError: a number out of range, or focal weights, which belong to cross-entropy, on another kind.
        """
        super().__init__(name=name, **options)
        if kind not in KINDS:
            raise DataError(f"loss: expected one of {', '.join(KINDS)}, received {kind!r}")
        if not 0 <= focal_gamma < math.inf or (focal_gamma and kind != "cross-entropy"):
            raise DataError(f"focal_gamma: expected at least 0, and 0 with {kind}, received {focal_gamma}")
        for label, share in (("label_smoothing", label_smoothing), ("bootstrap", bootstrap)):
            if not 0 <= share < 1:
                raise DataError(f"{label}: expected 0 up to 1, received {share}")
        self._kind: str = kind
        self._focal_gamma, self._label_smoothing, self._bootstrap = focal_gamma, label_smoothing, bootstrap

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Labels and probabilities ``(batch, classes)`` -> ``(batch,)``."""
        ops = keras.ops
        probability = ops.clip(ops.cast(y_pred, "float32"), _NEVER_ZERO, 1 - _NEVER_ZERO)
        label = ops.cast(y_true, "float32") * (1 - self._label_smoothing) + self._label_smoothing / 2
        if self._bootstrap:
            label = label * (1 - self._bootstrap) + ops.stop_gradient(probability) * self._bootstrap
        if self._kind == "lsep":
            return _lsep(label, probability)
        return _cross_entropy(label, probability, self._focal_gamma)

    def get_config(self) -> dict[str, Any]:
        """What a saved network needs to be trained on."""
        return {
            **super().get_config(),
            "kind": self._kind,
            "focal_gamma": self._focal_gamma,
            "label_smoothing": self._label_smoothing,
            "bootstrap": self._bootstrap,
        }


def _cross_entropy(label: Any, probability: Any, focal_gamma: float) -> Any:
    ops = keras.ops
    true, false = label * -ops.log(probability), (1 - label) * -ops.log(1 - probability)
    if focal_gamma:
        true, false = true * (1 - probability) ** focal_gamma, false * probability**focal_gamma
    return ops.mean(true + false, axis=-1)


def _lsep(label: Any, probability: Any) -> Any:
    """log(1 + the sum of exp(logit of i - logit of j) over all i that are false and j that are true)."""
    ops = keras.ops
    odds = probability / (1 - probability)
    return ops.log(1 + ops.sum((1 - label) * odds, axis=-1) * ops.sum(label / odds, axis=-1))
