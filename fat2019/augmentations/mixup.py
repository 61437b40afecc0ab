"""MixUp (arXiv 1710.09412): images and labels blended with those of a partner."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, ClassVar

from fat2019.augmentations.base import Augmentation, Batch
from fat2019.augmentations.registry import register
from fat2019.utils.lazy import LazyModule
from fat2019.utils.values import AUGMENTATION, option

if TYPE_CHECKING:
    import tensorflow as tf

    from fat2019.augmentations.random_numbers import RandomNumbers
else:
    tf = LazyModule("tensorflow")

_LAMBDA = 2


@register
@dataclasses.dataclass(frozen=True)
class MixUp(Augmentation):
    """Blend each example with its neighbour in the batch: lambda of its own, the rest of the neighbour's."""

    name: ClassVar[str] = "mixup"
    title: ClassVar[str] = "MixUp (--mixup)"
    position: ClassVar[int] = 40  # of masked images: each example keeps masks of its own
    streams: ClassVar[tuple[int, ...]] = (_LAMBDA,)

    mixup_alpha: Annotated[
        float,
        option("--mixup", AUGMENTATION, "MixUp with lambda ~ Beta(ALPHA, ALPHA); 0 is off.", metavar="ALPHA", ge=0),
    ] = 0.0

    @property
    def is_on(self) -> bool:
        """Whether lambda is ever below 1."""
        return self.mixup_alpha > 0

    def draw(self, numbers: RandomNumbers, augmented: tf.Tensor) -> tf.Tensor:
        """Lambda ``(examples,)`` float32; 1 for those that are not augmented."""
        # Beta(a, a) as a ratio of gammas; float64, since for small a both can be tiny.
        alpha = tf.constant(self.mixup_alpha, tf.float64)
        gamma = tf.random.stateless_gamma([numbers.examples, 2], numbers.stream(_LAMBDA), alpha=alpha, dtype=tf.float64)
        beta = tf.math.divide_no_nan(gamma[:, 0], gamma[:, 0] + gamma[:, 1])
        return tf.where(augmented, tf.cast(beta, tf.float32), 1.0)

    def apply(self, batch: Batch, drawn: tf.Tensor) -> Batch:
        """See :func:`mixup`."""
        return batch._replace(images=mixup(batch.images, drawn), labels=mixup(batch.labels, drawn))


def mixup(values: tf.Tensor, lambdas: tf.Tensor) -> tf.Tensor:
    """Blend each example with its neighbour in the batch.

    The batch is already in random order, so the neighbour is a random partner, and never the example itself (but in
    a batch of one).

    Args:
        values: float32 ``(batch, ...)``: images, or labels, which are blended alike.
        lambdas: float32 ``(batch,)``, what remains of the example itself.
    """
    lambdas = tf.reshape(lambdas, [-1] + [1] * (len(values.shape) - 1))
    return values * lambdas + tf.roll(values, 1, axis=0) * (1 - lambdas)
