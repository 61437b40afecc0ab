"""The heads: from a backbone's feature map ``(batch, rows, columns, channels)`` to the features that are scored."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from fat2019.config.model import ModelConfig
from fat2019.models.normalisation import MOMENTUM


def linear_head(features: Any, config: ModelConfig) -> Any:
    """The mean of the feature map alone: with the scores after it, one linear layer on the embedding."""
    return keras.layers.GlobalAveragePooling2D()(features)


def stages_head(features: Sequence[Any], config: ModelConfig) -> Any:
    """The means of several stages' feature maps side by side, each value normalised over the batch.

    What a pretrained network has learnt of its own classes lies in its last stage, what others share with them further
    down.
    """
    layers = keras.layers
    means = layers.Concatenate()([layers.GlobalAveragePooling2D()(stage) for stage in features])
    normalised = layers.BatchNormalization(momentum=MOMENTUM, center=False, scale=False)(means)
    return layers.Dropout(config.dropout)(normalised)


def conv_head(features: Any, config: ModelConfig) -> Any:
    """The report's simple network (section 6.1), up to its output layer."""
    layers = keras.layers
    for filters in (32, 64):
        features = layers.BatchNormalization(momentum=MOMENTUM)(features)
        features = layers.Conv2D(filters, config.kernel_size, padding="same", activation="relu")(features)
        # "same", so that the 3x3 feature map of a backbone can be halved twice as well
        features = layers.MaxPooling2D(padding="same")(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.BatchNormalization(momentum=MOMENTUM)(features)
    features = layers.Dense(128, activation="relu")(features)
    return layers.Dropout(config.dropout)(features)


def dense_head(features: Any, config: ModelConfig) -> Any:
    """That of the report's table 6.1."""
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.layers.Dense(256, activation="relu")(features)


def mlp_head(features: Any, config: ModelConfig) -> Any:
    """That of the report's section 7.1."""
    features = keras.layers.GlobalAveragePooling2D()(features)
    for units in (512, 256):
        features = keras.layers.Dense(units, activation="relu")(features)
        features = keras.layers.Dropout(config.dropout)(features)
    return features


HEADS: dict[str, Callable[[Any, ModelConfig], Any]] = {
    "dense": dense_head,
    "conv": conv_head,  # table 6.2: the simple network on the backbone's feature map
    "mlp": mlp_head,
    "linear": linear_head,
    "stages": stages_head,
}
