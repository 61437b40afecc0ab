"""EfficientNetV2-B0's input: images as they are, which the network itself rescales."""

import keras
import numpy as np

from fat2019.models.backbones.efficientnetv2_b0 import BACKBONE


def test_images_are_fed_as_they_are_and_rescaled_within():
    images = np.float32([[[[0], [255]]]])
    assert BACKBONE.prepare(images) is images
    network = BACKBONE.build((32, 32, 3), "efficientnetv2-b0")
    assert any(isinstance(layer, keras.layers.Rescaling) for layer in network.layers)
