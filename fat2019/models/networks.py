"""The networks: a table of backbones, a table of heads, and one builder.

Every network takes images ``(batch, frames, mels, 1)`` in 0..255 and gives probabilities ``(batch, classes)``. What a
backbone expects of its input is part of the network, so that a saved model needs nothing beside it. Adding a backbone
is one row of :data:`BACKBONES`.
"""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fat2019.config.model import HEADS as HEAD_NAMES
from fat2019.config.model import NETWORKS, ModelConfig
from fat2019.errors import DataError

Layers = Callable[[Any], Any]  # a function of one Keras tensor

# Of the moving statistics. Keras's 0.99 needs some 500 steps to forget where they began, and until then a network that
# has learnt scores like one that has not; a thousand clips make 16 steps an epoch.
_MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="fat2019")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer over the last axis of images, trained by TensorFlow's fused kernel.

    Keras computes means, variances and the result one by one; fused they take a fraction of the time on a CPU, and a
    training step of the compact network a fifth less.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Images ``(batch, height, width, channels)`` -> the same shape."""
        if not training or not self.trainable or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        values = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (values - 1) / values  # the kernel gives the estimate for all images, Keras that of these
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network of ``keras.applications`` without its top."""

    function: str
    top: tuple[str, ...]  # what the names of its last stages' layers begin with
    prepare: Layers  # from three channels in 0..255 to what its weights were trained on
    imagenet_file: str  # as Keras names the download


def build(config: ModelConfig, classes: int, input_shape: tuple[int, int] = (92, 80)) -> keras.Model:
    """Build the network, with fresh or pre-trained weights.

    Args:
        config: which one.
        classes: outputs.
        input_shape: frames and mel bands.

    Raises:
        DataError: the weights are not available or do not fit.
    """
    images = keras.Input((*input_shape, 1), name="log_mel")
    if config.name in OWN:
        features = OWN[config.name](images, config)
    else:
        features = HEADS[config.head](_backbone(config, (*input_shape, 3))(_three_channels(images, config)), config)
    # float32 whatever the precision policy: a half-precision sigmoid cannot tell small probabilities apart.
    scores = keras.layers.Dense(classes, activation="sigmoid", dtype="float32", name="scores")(features)
    model = keras.Model(images, scores, name=config.name)
    set_trainable(model, config)
    return model


def set_trainable(model: keras.Model, config: ModelConfig) -> None:
    """Freeze or unfreeze the backbone of a built network; frozen batch normalisation stays in inference mode."""
    if config.name in OWN:
        return
    backbone = model.get_layer(config.name)
    backbone.trainable = True
    top = BACKBONES[config.name].top
    for layer in backbone.layers:
        layer.trainable = config.trainable == "all" or (config.trainable == "top" and layer.name.startswith(top))


def parameter_counts(model: keras.Model) -> tuple[int, int, int]:
    """Total, trainable and frozen parameters, without what Keras keeps beside them (the state of dropout)."""
    trainable = sum(math.prod(variable.shape) for variable in model.trainable_weights)
    frozen = sum(math.prod(variable.shape) for variable in model.non_trainable_weights)
    return trainable + frozen, trainable, frozen


def list_models(classes: int) -> list[dict[str, Any]]:
    """Every network and head with its parameters, the backbone frozen, as a table."""
    rows = []
    for name in NETWORKS:
        for head in HEAD_NAMES if name not in OWN else ("own",):
            config = ModelConfig(name, head="dense" if name in OWN else head, weights="none")
            model = build(config, classes)
            total, trainable, frozen = parameter_counts(model)
            rows.append(
                {
                    "model": name,
                    "head": head,
                    "total": total,
                    "trainable": trainable,
                    "frozen": frozen,
                    "input_shape": list(model.input_shape[1:]),
                }
            )
    return rows


def _three_channels(images: Any, config: ModelConfig) -> Any:
    return BACKBONES[config.name].prepare(keras.layers.Concatenate()([images] * 3))


def _backbone(config: ModelConfig, input_shape: tuple[int, int, int]) -> keras.Model:
    row = BACKBONES[config.name]
    function = getattr(keras.applications, row.function)
    options = {"include_top": False, "input_shape": input_shape, "name": config.name}
    if config.weights == "imagenet":
        try:
            backbone = function(weights="imagenet", **options)
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise DataError(
                f"the ImageNet weights of {config.name} could not be downloaded ({error}); fetch "
                f"{row.imagenet_file} on another machine and put it into {Path.home() / '.keras' / 'models'}, or give "
                "--weights none or a file"
            ) from error
    else:
        backbone = function(weights=None, **options)
        if config.weights != "none":
            _load(backbone, Path(config.weights))
    return backbone


def _load(backbone: keras.Model, path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path}: no such weights file (--weights takes imagenet, none or a file)")
    try:
        backbone.load_weights(path)
    except Exception as error:
        raise DataError(
            f"{path}: these are not weights of {backbone.name} without its top: {str(error).splitlines()[0]}"
        ) from error


def _simple(images: Any, config: ModelConfig) -> Any:
    return _conv_head(keras.layers.Rescaling(1 / 255)(images), config)


def _compact(images: Any, config: ModelConfig) -> Any:
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
    features = _over_time(features, config.pooling)  # (batch, channels)
    return layers.Dropout(config.dropout)(features)


def _convolution(features: Any, channels: int, kernel_size: int = 3, strides: int = 1) -> Any:
    features = keras.layers.Conv2D(channels, kernel_size, strides=strides, padding="same", use_bias=False)(features)
    return keras.layers.ReLU()(FusedBatchNormalization(momentum=_MOMENTUM)(features))


def _over_time(features: Any, pooling: str) -> Any:
    """``(batch, frames, channels)`` -> ``(batch, channels)``."""
    layers = keras.layers
    if pooling == "attention":
        shares = layers.Softmax(axis=1)(layers.Dense(features.shape[-1])(features))
        return keras.ops.sum(features * shares, axis=1)
    mean = layers.GlobalAveragePooling1D()(features)
    return mean if pooling == "mean" else mean + layers.GlobalMaxPooling1D()(features)


def _conv_head(features: Any, config: ModelConfig) -> Any:
    """The report's simple network (section 6.1), up to its output layer."""
    layers = keras.layers
    for filters in (32, 64):
        features = layers.BatchNormalization(momentum=_MOMENTUM)(features)
        features = layers.Conv2D(filters, config.kernel_size, padding="same", activation="relu")(features)
        # "same", so that the 3x3 feature map of a backbone can be halved twice as well
        features = layers.MaxPooling2D(padding="same")(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.BatchNormalization(momentum=_MOMENTUM)(features)
    features = layers.Dense(128, activation="relu")(features)
    return layers.Dropout(config.dropout)(features)


def _dense_head(features: Any, config: ModelConfig) -> Any:
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.layers.Dense(256, activation="relu")(features)


def _mlp_head(features: Any, config: ModelConfig) -> Any:
    features = keras.layers.GlobalAveragePooling2D()(features)
    for units in (512, 256):
        features = keras.layers.Dense(units, activation="relu")(features)
        features = keras.layers.Dropout(config.dropout)(features)
    return features


def _minus_imagenet_mean(images: Any) -> Any:
    """Caffe's way: blue, green, red, each less its mean over ImageNet. Our channels are alike, so order is nothing."""
    return keras.layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(images)


def _to_plus_minus_one(images: Any) -> Any:
    return keras.layers.Rescaling(1 / 127.5, offset=-1)(images)


def _as_it_is(images: Any) -> Any:
    return images


HEADS: dict[str, Callable[[Any, ModelConfig], Any]] = {
    "dense": _dense_head,  # table 6.1
    "conv": _conv_head,  # table 6.2: the simple network on the backbone's feature map
    "mlp": _mlp_head,  # section 7.1
}

BACKBONES = {
    "resnet50": Backbone(
        "ResNet50", ("conv4_", "conv5_"), _minus_imagenet_mean, "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    # Keras counts the 17 bottlenecks from 0, the report from 1; what follows the last of them goes with it.
    "mobilenetv2": Backbone(
        "MobileNetV2",
        (*(f"block_{n}_" for n in range(10, 17)), "Conv_1", "out_relu"),
        _to_plus_minus_one,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    "efficientnetv2-b0": Backbone("EfficientNetV2B0", ("block6", "top_"), _as_it_is, "efficientnetv2-b0_notop.h5"),
}

OWN: dict[str, Callable[[Any, ModelConfig], Any]] = {  # from the image to the features that are scored
    "simple": _simple,  # section 6.1
    "compact": _compact,
}
