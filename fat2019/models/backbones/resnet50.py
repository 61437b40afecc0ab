"""ResNet50 (arXiv 1512.03385), the report's larger backbone."""

from typing import Any

import keras

from fat2019.models.backbones.base import Backbone, of_keras
from fat2019.models.weights import Published, keras_models


def _minus_imagenet_mean(images: Any) -> Any:
    """Caffe's way: blue, green, red, each less its mean over ImageNet. Our channels are alike, so order is nothing."""
    return keras.layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(images)


BACKBONE = Backbone(
    build=of_keras("ResNet50"),
    top=("conv4_", "conv5_"),
    stages=("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
    prepare=_minus_imagenet_mean,
    published=Published(
        "imagenet",
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        keras_models,
        md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
)
