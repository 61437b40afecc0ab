"""The values that a network is fed, and what they mean as sound.

With ``scaling="image"`` they are each window's own range as 0..255. With ``scaling="none"`` they are the log-mels
themselves, as pretrained audio networks expect them: what changes a sound must then know the logarithm.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from fat2019.augmentations.base import Scale
from fat2019.config.features import FeatureConfig
from fat2019.feed.windows import IMAGE_MAXIMUM, to_image

# Of the log's offset: what is less is silence, and not noise to be made louder. float16 rounds silence to 0.0015.
_INAUDIBLE = 0.004
_SILENT_MEL = 1e-12


class FeedScale(Scale, Protocol):
    """Between stored values, those that a network is fed, and decibels."""

    def feed(self, window: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        """Stored windows ``(batch, frames, mels)`` and their extremes ``(batch,)`` -> float32 for the network."""


@dataclasses.dataclass(frozen=True)
class ImageScale:
    """0..255 from each window's own range, which how loud it is does not change."""

    silence: float = 0.0

    def feed(self, window: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        """See :class:`FeedScale`."""
        return to_image(window, low, high)

    def below_peak(self, values: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
        """See :class:`Scale`."""
        return (values * (1 / IMAGE_MAXIMUM) - 1) * decibels[:, None, None]

    def from_below_peak(self, below_peak: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """See :class:`Scale`."""
        low, high = tf.reduce_min(below_peak, axis=[1, 2]), tf.reduce_max(below_peak, axis=[1, 2])
        return to_image(below_peak, low, high)


@dataclasses.dataclass(frozen=True)
class LogScale:
    """Log-mels as they are: decibels, or ``ln(mel + offset)``."""

    silence: float
    decibels_per_unit: float
    offset: float = 0.0  # in mels; 0 with decibels

    def feed(self, window: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        """See :class:`FeedScale`."""
        return tf.cast(window, tf.float32)

    def below_peak(self, values: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
        """See :class:`Scale`."""
        loudness = self._decibels(values)
        return loudness - tf.reduce_max(loudness, axis=[1, 2], keepdims=True)

    def from_below_peak(self, below_peak: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """See :class:`Scale`."""
        loudness = below_peak + tf.reduce_max(self._decibels(values), axis=[1, 2], keepdims=True)
        logarithm = loudness / self.decibels_per_unit
        return tf.math.log(tf.exp(logarithm) + self.offset) if self.offset else logarithm

    def _decibels(self, values: tf.Tensor) -> tf.Tensor:
        if not self.offset:
            return values * self.decibels_per_unit
        mels = tf.exp(values) - self.offset
        audible = tf.where(mels > _INAUDIBLE * self.offset, mels, _SILENT_MEL)
        return self.decibels_per_unit * tf.math.log(audible)


def scale_of(config: FeatureConfig) -> FeedScale:
    """The scale of what a network is fed from a store of these features."""
    if config.scaling == "image":
        return ImageScale()
    return LogScale(config.log_floor, config.decibels_per_unit, config.log_offset)
