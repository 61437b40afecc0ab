"""Networks as tests build them."""

import keras

from fat2019.config.model import ModelConfig
from fat2019.models.networks import (
    build,
    set_trainable,
)

SMALL = (32, 32)
FUNCTIONS = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetv2-b0": "EfficientNetV2B0"}


def built(name="simple", *, classes=80, shape=(92, 80), **options):
    config = ModelConfig(name, **{"weights": "none", **options})
    model = build(config, classes, shape)
    set_trainable(model, config)
    return model


def norms_of(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
