"""The values that a network is fed, and what they mean as sound."""

import dataclasses
from typing import Protocol

import tensorflow as tf

from fat2019.augmentations.base import Scale
from fat2019.config.features import FeatureConfig
from fat2019.feed.windows import IMAGE_MAXIMUM, to_image


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


def scale_of(config: FeatureConfig) -> FeedScale:
    """The scale of what a network is fed from a store of these features."""
    return ImageScale()
