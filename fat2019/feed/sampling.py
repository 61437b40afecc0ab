"""One epoch as tensors: which clips, how often, in which order, and every random number that they need.

All of it is a pure function of (seed, epoch), computed in TensorFlow so that it runs inside a ``tf.data`` graph. Random
numbers belong to an *example*, the n-th repeat of a clip in the epoch, and not to a place in the order: whoever reads
the clip, by whichever path, cuts the same window and augments it alike.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.augmentations.base import Augmentation
from fat2019.augmentations.random_numbers import ORDER, SAMPLE, SAMPLE_ORDER, STREAM_ORDER, WINDOW, RandomNumbers
from fat2019.errors import DataError


class Epoch(NamedTuple):
    """The examples of one epoch, sorted by clip; an example's id is its place here."""

    clip: tf.Tensor  # (examples,) int64, index of the clip in the training set
    augmented: tf.Tensor  # (examples,) bool
    first_example: tf.Tensor  # (clips + 1,) int64; a clip's are first_example[clip] .. first_example[clip + 1] - 1
    order: tf.Tensor  # (examples,) int64, ids in the order of training
    stream_order: tf.Tensor  # (2,) int64, seed of the order in which a reader that cannot keep to `order` goes
    window: tf.Tensor  # (examples, candidates) float32, uniform in [0, 1)
    drawn: dict[str, Any]  # by augmentation: its parameters (examples, ...), see Augmentation.draw

    def drawn_for(self, example: tf.Tensor) -> dict[str, Any]:
        """The augmentation parameters of examples ``(batch,)``."""
        return tf.nest.map_structure(lambda values: tf.gather(values, example), self.drawn)


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How often each clip is used in an epoch, and which of its repeats are augmented."""

    weights: npt.NDArray[np.float64]  # (clips,) expected repeats of each clip in one epoch
    augment: npt.NDArray[np.uint8]  # (clips,) an example is augmented from this repeat on: 0 all, 1 all but the first
    seed: int
    candidates: int
    augmentations: tuple[Augmentation, ...] = ()

    @property
    def examples(self) -> int:
        """Examples in every epoch."""
        return round(float(self.weights.sum()))

    def epoch(self, epoch: tf.Tensor | int) -> Epoch:
        """The epoch of this number, counted from 0."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(epoch, tf.int64)])
        numbers = RandomNumbers(seed, self.examples)
        repeats = self._repeats(numbers)
        first_example = tf.concat([[np.int64(0)], tf.cumsum(repeats)], axis=0)
        clip = tf.repeat(tf.range(len(self.weights), dtype=tf.int64), repeats)
        repeat = tf.range(self.examples, dtype=tf.int64) - tf.gather(first_example, clip)
        augmented = repeat >= tf.gather(tf.constant(self.augment, tf.int64), clip)
        return Epoch(
            clip=clip,
            augmented=augmented,
            first_example=first_example,
            order=tf.random.experimental.stateless_shuffle(
                tf.range(self.examples, dtype=tf.int64), numbers.stream(ORDER)
            ),
            stream_order=tf.cast(numbers.stream(STREAM_ORDER), tf.int64),
            window=numbers.uniform(WINDOW, self.candidates),
            drawn={one.name: one.draw(numbers, augmented) for one in self.augmentations},
        )

    def _repeats(self, numbers: RandomNumbers) -> tf.Tensor:
        """How often each clip is used, ``(clips,)`` int64, always ``examples`` in all.

        Whole weights are used as they are. For others, systematic sampling: the clips, in random order, lie end to end
        on a line, each as long as its weight, and a comb with teeth 1 apart is laid on it at a random offset.
        """
        if np.all(self.weights == np.floor(self.weights)):
            return tf.constant(self.weights.astype(np.int64))
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.weights), dtype=tf.int64), numbers.stream(SAMPLE_ORDER)
        )
        lengths = tf.gather(tf.constant(self.weights * (self.examples / self.weights.sum())), order)
        ends = tf.concat([tf.cumsum(lengths)[:-1], [np.float64(self.examples)]], axis=0)  # exact at the end
        # A float32 offset, so that adding it to the whole number of examples rounds to no further example.
        offset = tf.cast(tf.random.stateless_uniform([], numbers.stream(SAMPLE)), tf.float64)
        teeth = tf.cast(tf.floor(ends + offset), tf.int64)
        repeats = teeth - tf.concat([[np.int64(0)], teeth[:-1]], axis=0)
        return tf.scatter_nd(order[:, None], repeats, [len(self.weights)])


def clip_weights(
    labels: npt.NDArray[np.uint8],
    noisy: npt.NDArray[np.bool_],
    *,
    noisy_weight: float = 1.0,
    class_balanced: bool = False,
) -> npt.NDArray[np.float64]:
    """Expected repeats of each clip in an epoch.

    Args:
        labels: ``(clips, classes)`` multi-hot.
        noisy: ``(clips,)``.
        noisy_weight: repeats of a noisy clip, where a curated one has 1.
        class_balanced: weigh a clip by how rarely its labels would be heard without this (the mean over its labels),
            the sum over all clips staying as it was. A clip without labels is left out.

    Raises:
        DataError: no clip would be used.
    """
    weights = np.where(noisy, noisy_weight, 1.0)
    total = float(weights.sum())
    if class_balanced:
        heard = weights @ labels  # (classes,) repeats of each label
        rarity = np.divide(1.0, heard, out=np.zeros_like(heard), where=heard > 0)
        weights = weights * (labels @ rarity) / np.maximum(labels.sum(axis=1), 1)
    if round(total) < 1 or not weights.any():
        raise DataError(
            "no clip is left to train on: the weights add up to less than one clip an epoch, or no clip has a label"
        )
    return weights * (total / weights.sum())
