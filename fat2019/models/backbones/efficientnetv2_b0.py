"""EfficientNetV2-B0 (arXiv 2104.00298), which rescales its images itself."""

from fat2019.models.backbones.base import Backbone, of_keras
from fat2019.models.weights import Published, keras_models

BACKBONE = Backbone(
    build=of_keras("EfficientNetV2B0"),
    top=("block6", "top_"),
    stages=("block4c_add", "block5e_add", "block6h_add", "top_activation"),
    published=Published(
        "imagenet",
        "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b0_notop.h5",
        keras_models,
        md5="893217f2bb855e2983157299931e43ff",
    ),
)
