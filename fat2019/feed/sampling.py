"""One epoch as tensors: which clips, how often, in which order, and every random number that they need.

All of it is a pure function of (seed, epoch), computed in TensorFlow so that it runs inside a ``tf.data`` graph. Random
numbers belong to an *entry*, the n-th use of a clip in the epoch, and not to a place in the order: whoever reads the
clip, by whichever path, cuts the same window and augments it alike.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.errors import DataError

# Each use of random numbers has a stream of its own, so that switching one augmentation off leaves the rest as it was.
_WINDOW, _SPEC_AUGMENT, _MIXUP, _ORDER, _SAMPLE, _SAMPLE_ORDER, _STREAM_ORDER, _MIX_SOUNDS, _SHIFT = range(9)
_LEVEL, _TURN, _STRETCH = 9, 10, 11


class Treatment(NamedTuple):
    """What decides how each of some windows is augmented."""

    augmented: tf.Tensor  # (batch,) bool
    spec_augment: tf.Tensor  # (batch, uniforms) float32, uniform in [0, 1)
    own_share: tf.Tensor  # (batch,) float32, MixUp's lambda; 1 where nothing is mixed in
    mixed: tf.Tensor  # (batch,) bool, whether another sound is added
    level: tf.Tensor  # (batch,) float32, decibels by which that one is louder
    turn: tf.Tensor  # (batch,) float32, share of the window after which that one alone is heard; 0 is both at once
    shift: tf.Tensor  # (batch,) int32, bands upwards
    stretch: tf.Tensor  # (batch,) float32, how many times as wide the spectrum becomes


class Epoch(NamedTuple):
    """The entries of one epoch, sorted by clip; an entry's id is its place here."""

    clip: tf.Tensor  # (entries,) int64, index of the clip in the training set
    augmented: tf.Tensor  # (entries,) bool
    first_entry: tf.Tensor  # (clips + 1,) int64, a clip's entries are first_entry[clip] .. first_entry[clip + 1] - 1
    order: tf.Tensor  # (entries,) int64, entry ids in the order of training
    stream_order: tf.Tensor  # (2,) int64, seed of the order in which a reader that cannot keep to `order` goes
    window: tf.Tensor  # (entries, candidates) float32, uniform in [0, 1)
    spec_augment: tf.Tensor  # (entries, uniforms) float32, uniform in [0, 1)
    own_share: tf.Tensor  # (entries,) float32, MixUp's lambda; 1 where nothing is mixed in
    mixed: tf.Tensor  # (entries,) bool, whether another sound is added
    level: tf.Tensor  # (entries,) float32, decibels by which that one is louder
    turn: tf.Tensor  # (entries,) float32, share of the window after which that one alone is heard; 0 is both at once
    shift: tf.Tensor  # (entries,) int32, bands upwards
    stretch: tf.Tensor  # (entries,) float32, how many times as wide the spectrum becomes; 1 where it stays

    def treatment(self, entry: tf.Tensor) -> Treatment:
        """What is drawn for entries ``(batch,)``."""
        return Treatment(
            tf.gather(self.augmented, entry),
            tf.gather(self.spec_augment, entry),
            tf.gather(self.own_share, entry),
            tf.gather(self.mixed, entry),
            tf.gather(self.level, entry),
            tf.gather(self.turn, entry),
            tf.gather(self.shift, entry),
            tf.gather(self.stretch, entry),
        )


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How often each clip is used in an epoch, and which of its uses are augmented."""

    weights: npt.NDArray[np.float64]  # (clips,) expected uses of each clip in one epoch
    augment: npt.NDArray[np.uint8]  # (clips,) an entry is augmented from this use on: 0 all, 1 all but the first
    seed: int
    candidates: int
    spec_augment_uniforms: int = 0
    mixup_alpha: float = 0.0
    mix_share: float = 0.0  # of the augmented entries, that get another sound
    mix_level_db: float = 0.0  # the most that sounds which are mixed differ by, either way
    mix_in_turn: float = 0.0  # share of the mixed entries whose sounds are heard one after the other
    shift_bands: int = 0  # the most bands that an augmented entry is shifted by, either way
    stretch_bands: float = 0.0  # an augmented entry becomes at most 1 + this as wide, or as narrow

    @property
    def entries(self) -> int:
        """Entries in every epoch."""
        return round(float(self.weights.sum()))

    def epoch(self, epoch: tf.Tensor | int) -> Epoch:
        """The epoch of this number, counted from 0."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(epoch, tf.int64)])
        uses = self._uses(seed)
        first_entry = tf.concat([[np.int64(0)], tf.cumsum(uses)], axis=0)
        clip = tf.repeat(tf.range(len(self.weights), dtype=tf.int64), uses)
        use = tf.range(self.entries, dtype=tf.int64) - tf.gather(first_entry, clip)
        augmented = use >= tf.gather(tf.constant(self.augment, tf.int64), clip)
        return Epoch(
            clip=clip,
            augmented=augmented,
            first_entry=first_entry,
            order=tf.random.experimental.stateless_shuffle(
                tf.range(self.entries, dtype=tf.int64), _stream(seed, _ORDER)
            ),
            stream_order=tf.cast(_stream(seed, _STREAM_ORDER), tf.int64),
            window=self._uniform(seed, _WINDOW, self.candidates),
            spec_augment=self._uniform(seed, _SPEC_AUGMENT, self.spec_augment_uniforms),
            own_share=self._own_share(seed, augmented),
            mixed=augmented & (self._uniform(seed, _MIX_SOUNDS, 1)[:, 0] < self.mix_share),
            level=(2 * self._uniform(seed, _LEVEL, 1)[:, 0] - 1) * self.mix_level_db,
            turn=self._turn(seed),
            shift=self._shift(seed, augmented),
            stretch=self._stretch(seed, augmented),
        )

    def _uniform(self, seed: tf.Tensor, stream: int, columns: int) -> tf.Tensor:
        return tf.random.stateless_uniform([self.entries, columns], _stream(seed, stream))

    def _own_share(self, seed: tf.Tensor, augmented: tf.Tensor) -> tf.Tensor:
        if not self.mixup_alpha:
            return tf.ones([self.entries])
        # Beta(a, a) as a ratio of gammas; float64, since for small a both can be tiny.
        gamma = tf.random.stateless_gamma(
            [self.entries, 2], _stream(seed, _MIXUP), alpha=np.float64(self.mixup_alpha), dtype=tf.float64
        )
        beta = tf.math.divide_no_nan(gamma[:, 0], gamma[:, 0] + gamma[:, 1])
        return tf.where(augmented, tf.cast(beta, tf.float32), 1.0)

    def _turn(self, seed: tf.Tensor) -> tf.Tensor:
        chance, turn = tf.unstack(self._uniform(seed, _TURN, 2), axis=1)
        return tf.where(chance < self.mix_in_turn, turn, 0.0)

    def _shift(self, seed: tf.Tensor, augmented: tf.Tensor) -> tf.Tensor:
        """Every whole number of bands from one end to the other alike."""
        choices = 2 * self.shift_bands + 1
        shift = tf.cast(self._uniform(seed, _SHIFT, 1)[:, 0] * choices, tf.int32) - self.shift_bands
        return tf.where(augmented, shift, 0)

    def _stretch(self, seed: tf.Tensor, augmented: tf.Tensor) -> tf.Tensor:
        """Factors whose logarithms are uniform, so that as many are spread as are narrowed."""
        exponent = (2 * self._uniform(seed, _STRETCH, 1)[:, 0] - 1) * math.log1p(self.stretch_bands)
        return tf.where(augmented, tf.exp(exponent), 1.0)

    def _uses(self, seed: tf.Tensor) -> tf.Tensor:
        """How often each clip is used, ``(clips,)`` int64, always ``entries`` in all.

        Whole weights are used as they are. For others, systematic sampling: the clips, in random order, lie end to end
        on a line, each as long as its weight, and a comb with teeth 1 apart is laid on it at a random offset.
        """
        if np.all(self.weights == np.floor(self.weights)):
            return tf.constant(self.weights.astype(np.int64))
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.weights), dtype=tf.int64), _stream(seed, _SAMPLE_ORDER)
        )
        lengths = tf.gather(tf.constant(self.weights * (self.entries / self.weights.sum())), order)
        ends = tf.concat([tf.cumsum(lengths)[:-1], [np.float64(self.entries)]], axis=0)  # exact at the end
        # A float32 offset, so that adding it to the whole number of entries rounds to no further entry.
        offset = tf.cast(tf.random.stateless_uniform([], _stream(seed, _SAMPLE)), tf.float64)
        teeth = tf.cast(tf.floor(ends + offset), tf.int64)
        uses = teeth - tf.concat([[np.int64(0)], teeth[:-1]], axis=0)
        return tf.scatter_nd(order[:, None], uses, [len(self.weights)])


def clip_weights(
    labels: npt.NDArray[np.uint8],
    noisy: npt.NDArray[np.bool_],
    *,
    noisy_weight: float = 1.0,
    class_balanced: bool = False,
) -> npt.NDArray[np.float64]:
    """Expected uses of each clip in an epoch.

    Args:
        labels: ``(clips, classes)`` multi-hot.
        noisy: ``(clips,)``.
        noisy_weight: uses of a noisy clip, where a curated one has 1.
        class_balanced: weigh a clip by how rarely its labels would be heard without this (the mean over its labels),
            the sum over all clips staying as it was. A clip without labels is left out.

    Raises:
        DataError: no clip would be used.
    """
    weights = np.where(noisy, noisy_weight, 1.0)
    total = float(weights.sum())
    if class_balanced:
        heard = weights @ labels  # (classes,) uses of each label
        rarity = np.divide(1.0, heard, out=np.zeros_like(heard), where=heard > 0)
        weights = weights * (labels @ rarity) / np.maximum(labels.sum(axis=1), 1)
    if round(total) < 1 or not weights.any():
        raise DataError(
            "no clip is left to train on: the weights add up to less than one clip an epoch, or no clip has a label"
        )
    return weights * (total / weights.sum())


def _stream(seed: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, stream)
