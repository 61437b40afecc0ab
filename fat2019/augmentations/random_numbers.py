"""The random numbers of the examples of one epoch."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fat2019.utils.lazy import LazyModule

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")

# The sampler's own streams. Those of augmentations stand in their classes, and no two are the same, so that switching
# one augmentation on or off leaves all other numbers as they were.
WINDOW, ORDER, SAMPLE, SAMPLE_ORDER, STREAM_ORDER = 0, 3, 4, 5, 6


@dataclasses.dataclass(frozen=True)
class RandomNumbers:
    """Streams of random numbers, each a function of (seed, epoch, stream) and of an example's id in the epoch."""

    seed: tf.Tensor  # (2,) int64: the seed and the epoch's number
    examples: int

    def stream(self, stream: int) -> tf.Tensor:
        """The seed of a stream, ``(2,)``, for the stateless functions of ``tf.random``."""
        return tf.random.experimental.stateless_fold_in(self.seed, stream)

    def uniform(self, stream: int, columns: int) -> tf.Tensor:
        """Float32 ``(examples, columns)``, uniform in [0, 1)."""
        return tf.random.stateless_uniform([self.examples, columns], self.stream(stream))
