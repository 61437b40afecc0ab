"""Mixing of sounds: clips with several labels, made of pairs of clips."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from fat2019.augmentations.base import Augmentation, Batch
from fat2019.augmentations.registry import register
from fat2019.utils.lazy import LazyModule
from fat2019.utils.values import AUGMENTATION, option

if TYPE_CHECKING:
    import tensorflow as tf

    from fat2019.augmentations.random_numbers import RandomNumbers
else:
    tf = LazyModule("tensorflow")

_MIXED, _LEVEL, _TURN = 7, 9, 10
_LOG_TO_DECIBELS = 10 / math.log(10)


class Drawn(NamedTuple):
    """Which examples get a partner, and how."""

    mixed: tf.Tensor  # (examples,) bool
    level: tf.Tensor  # (examples,) float32, decibels by which the partner is louder
    turn: tf.Tensor  # (examples,) float32, share of the window after which the partner follows; 0 overlays both


@register
@dataclasses.dataclass(frozen=True)
class MixSounds(Augmentation):
    """Overlay or concatenate two sounds of a batch; the mixture has the labels of both.

    The partner is the neighbour in the batch, which is in random order. Levels are measured between the loudest points
    of both, so that neither sound drowns the other.
    """

    name: ClassVar[str] = "mix_sounds"
    title: ClassVar[str] = "mixed sounds (--mix-sounds)"
    position: ClassVar[int] = 20
    streams: ClassVar[tuple[int, ...]] = (_MIXED, _LEVEL, _TURN)
    dependent: ClassVar[tuple[str, ...]] = ("mix_level_db", "mix_in_turn")

    mix_share: Annotated[
        float,
        option(
            "--mix-sounds",
            AUGMENTATION,
            "Share of the windows to which another sound is added, with its labels.",
            metavar="SHARE",
            ge=0,
            le=1,
        ),
    ] = 0.0
    mix_level_db: Annotated[
        float, option("--mix-level", AUGMENTATION, "Largest level difference of mixed sounds.", metavar="DB", ge=0)
    ] = 0.0
    mix_in_turn: Annotated[
        float,
        option(
            "--mix-in-turn",
            AUGMENTATION,
            "Share of mixed windows with the sounds concatenated, not overlaid.",
            metavar="SHARE",
            ge=0,
            le=1,
        ),
    ] = 0.0

    @property
    def is_on(self) -> bool:
        """Whether any window gets a partner."""
        return self.mix_share > 0

    def draw(self, numbers: RandomNumbers, augmented: tf.Tensor) -> Drawn:
        """Levels uniform from end to end; turns uniform over the window."""
        chance, turn = tf.unstack(numbers.uniform(_TURN, 2), axis=1)
        return Drawn(
            mixed=augmented & (numbers.uniform(_MIXED, 1)[:, 0] < self.mix_share),
            level=(2 * numbers.uniform(_LEVEL, 1)[:, 0] - 1) * self.mix_level_db,
            turn=tf.where(chance < self.mix_in_turn, turn, 0.0),
        )

    def apply(self, batch: Batch, drawn: Drawn) -> Batch:
        """Give the mixed examples the sum of both powers, or one sound after the other, and the greater of both labels.

        A window of one value holds no sound, and is neither mixed nor mixed in.
        """
        own = batch.scale.below_peak(batch.images, batch.decibels)
        other = _neighbour(own) + drawn.level[:, None, None]
        both = tf.where((drawn.turn > 0)[:, None, None], concatenated(own, other, drawn.turn), overlaid(own, other))
        mixed = drawn.mixed & (batch.decibels > 0) & _neighbour(batch.decibels > 0)
        return batch._replace(
            images=tf.where(mixed[:, None, None], batch.scale.from_below_peak(both, batch.images), batch.images),
            labels=tf.where(mixed[:, None], tf.maximum(batch.labels, _neighbour(batch.labels)), batch.labels),
        )


def overlaid(own: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """The decibels of the sum of two powers, ``(batch, frames, mels)`` decibels each."""
    louder, softer = tf.maximum(own, other), tf.minimum(own, other)
    return louder + _LOG_TO_DECIBELS * tf.math.log1p(tf.exp((softer - louder) / _LOG_TO_DECIBELS))


def concatenated(own: tf.Tensor, other: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """One sound until a share ``(batch,)`` of the window has passed, and from there on the other."""
    frames = own.shape[1]
    is_first = tf.range(frames, dtype=tf.float32) < turn[:, None] * frames  # (batch, frames)
    return tf.where(is_first[:, :, None], own, other)


def _neighbour(values: tf.Tensor) -> tf.Tensor:
    return tf.roll(values, 1, axis=0)
