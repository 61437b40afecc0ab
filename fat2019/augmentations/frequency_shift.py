"""Frequency shift and stretch: windows moved along the mel axis, so that a network learns no absolute pitch."""

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

_SHIFT, _STRETCH = 8, 11


class Drawn(NamedTuple):
    """Where the spectra of some examples go."""

    shift: tf.Tensor  # (examples,) int32, bands upwards
    stretch: tf.Tensor  # (examples,) float32, how many times as wide the spectrum becomes; 1 where it stays


@register
@dataclasses.dataclass(frozen=True)
class FrequencyShift(Augmentation):
    """Shift each window by a random number of mel bands, and stretch its spectrum about the middle band."""

    name: ClassVar[str] = "frequency_shift"
    title: ClassVar[str] = "frequency shift and stretch"
    position: ClassVar[int] = 10  # before sounds are mixed, so that each of them goes its own way
    streams: ClassVar[tuple[int, ...]] = (_SHIFT, _STRETCH)

    shift_bands: Annotated[
        int, option("--shift-bands", AUGMENTATION, "Largest frequency shift, in mel bands.", metavar="BANDS", ge=0)
    ] = 0
    stretch_bands: Annotated[
        float,
        option(
            "--stretch-bands",
            AUGMENTATION,
            "Largest frequency stretch; 0.1 is a factor of up to 1.1.",
            metavar="SHARE",
            ge=0,
        ),
    ] = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there is a shift or a stretch."""
        return bool(self.shift_bands or self.stretch_bands)

    def draw(self, numbers: RandomNumbers, augmented: tf.Tensor) -> Drawn:
        """Every whole number of bands alike; factors whose logarithms are uniform, so that as many widen as narrow."""
        choices = 2 * self.shift_bands + 1
        shift = tf.cast(numbers.uniform(_SHIFT, 1)[:, 0] * choices, tf.int32) - self.shift_bands
        exponent = (2 * numbers.uniform(_STRETCH, 1)[:, 0] - 1) * math.log1p(self.stretch_bands)
        return Drawn(tf.where(augmented, shift, 0), tf.where(augmented, tf.exp(exponent), 1.0))

    def apply(self, batch: Batch, drawn: Drawn) -> Batch:
        """See :func:`shift_frequencies`."""
        return batch._replace(images=shift_frequencies(batch.images, drawn.shift, drawn.stretch))


def shift_frequencies(images: tf.Tensor, shift: tf.Tensor, stretch: tf.Tensor) -> tf.Tensor:
    """Move spectra along the mel axis and stretch them about its middle.

    Beyond an end of the axis, that end's band is repeated.

    Args:
        images: float32 ``(batch, frames, mels)``.
        shift: int32 ``(batch,)``, bands upwards.
        stretch: float32 ``(batch,)`` above 0, factor of the distance from the middle; 1 changes nothing.

    Returns:
        float32 ``(batch, frames, mels)``, linear interpolation between neighbouring bands.
    """
    last = images.shape[2] - 1
    band = tf.range(last + 1, dtype=tf.float32)  # (mels,)
    source = last / 2 + (band - last / 2) / stretch[:, None] - tf.cast(shift, tf.float32)[:, None]  # (batch, mels)
    source = tf.clip_by_value(source, 0.0, float(last))
    # Mostly zeros, and still faster by far than picking bands, which a compiler does anew for every use of them.
    shares = tf.nn.relu(1 - tf.abs(source[:, None, :] - band[:, None]))  # (batch, mels from, mels to)
    return tf.matmul(images, shares)
