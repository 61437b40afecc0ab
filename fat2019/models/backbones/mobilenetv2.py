"""MobileNetV2 (arXiv 1801.04381), the report's smaller backbone."""

from typing import Any

import keras

from fat2019.models.backbones.base import Backbone, of_keras
from fat2019.models.weights import Published, keras_models


def _to_plus_minus_one(images: Any) -> Any:
    return keras.layers.Rescaling(1 / 127.5, offset=-1)(images)


BACKBONE = Backbone(
    build=of_keras("MobileNetV2"),
    # Keras counts the 17 bottlenecks from 0, the report from 1; what follows the last of them goes with it.
    top=(*(f"block_{n}_" for n in range(10, 17)), "Conv_1", "out_relu"),
    stages=("block_5_add", "block_9_add", "block_12_add", "block_15_add", "out_relu"),
    prepare=_to_plus_minus_one,
    published=Published(
        "imagenet",
        "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        keras_models,  # no sum is published
    ),
)
