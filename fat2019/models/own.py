"""The networks without a backbone: from images ``(batch, frames, mels, 1)`` to the features that are scored."""

from collections.abc import Callable
from typing import Any

import keras

from fat2019.config.model import ModelConfig
from fat2019.models.heads import conv_head
from fat2019.models.normalisation import MOMENTUM, FusedBatchNormalization


def simple(images: Any, config: ModelConfig) -> Any:
    """The report's (section 6.1)."""
    return conv_head(keras.layers.Rescaling(1 / 255)(images), config)


def compact(images: Any, config: ModelConfig) -> Any:
    """Eight convolutions of 3x3 in four blocks, for spectrograms on a CPU.

    Most of what such a network costs lies in its first block, on the whole image. Here the first convolution goes by
    two steps at once, which makes a training step six times as fast, and the channels begin with few.
    """
    layers = keras.layers
    # Without scale and centre, that is the mean and the deviation of each image.
    scaled = layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False) if config.standardise else None
    features = (scaled or layers.Rescaling(1 / 255))(images)  # (batch, frames, mels, 1)
    if config.frequency_map:
        bands = images.shape[2]
        height = (keras.ops.cumsum(keras.ops.ones_like(images), axis=2) - 1) / max(1, bands - 1)
        features = layers.Concatenate()([features, height])  # (batch, frames, mels, 2)
    for block in range(4):
        channels = config.width * 2**block
        features = _convolution(features, channels, **({"kernel_size": 5, "strides": 2} if block == 0 else {}))
        features = _convolution(features, channels)
        if block < 3:
            features = layers.AveragePooling2D(2, padding="same")(features)
    features = keras.ops.mean(features, axis=2)  # (batch, frames / 16, channels)
    features = over_time(features, config.pooling)  # (batch, channels)
    return layers.Dropout(config.dropout)(features)


def _convolution(features: Any, channels: int, kernel_size: int = 3, strides: int = 1) -> Any:
    features = keras.layers.Conv2D(channels, kernel_size, strides=strides, padding="same", use_bias=False)(features)
    return keras.layers.ReLU()(FusedBatchNormalization(momentum=MOMENTUM)(features))


def over_time(features: Any, pooling: str) -> Any:
    """``(batch, frames, channels)`` -> ``(batch, channels)``."""
    layers = keras.layers
    if pooling == "attention":
        shares = layers.Softmax(axis=1)(layers.Dense(features.shape[-1])(features))
        return keras.ops.sum(features * shares, axis=1)
    mean = layers.GlobalAveragePooling1D()(features)
    return mean if pooling == "mean" else mean + layers.GlobalMaxPooling1D()(features)


OWN: dict[str, Callable[[Any, ModelConfig], Any]] = {"simple": simple, "compact": compact}
