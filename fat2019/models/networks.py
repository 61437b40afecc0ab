"""The networks: one builder over the networks of our own, the backbones and the heads.

Every network takes windows ``(batch, frames, mels, 1)`` as the feed gives them and gives probabilities
``(batch, classes)``. What a backbone expects of its input is part of the network, so that a saved model needs nothing
beside it.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.config.model import PUBLISHED, ModelConfig
from fat2019.errors import DataError
from fat2019.models.backbones import BACKBONES
from fat2019.models.heads import HEADS
from fat2019.models.known_classes import KnownClasses, same_classes
from fat2019.models.level import LevelNormalization
from fat2019.models.normalisation import set_momentum
from fat2019.models.own import OWN
from fat2019.models.registered import BUILDERS
from fat2019.models.weights import what_is_wrong

log = logging.getLogger(__name__)

_KNOWN = "known_classes"  # name of the layer
_RARE_LABEL_LOGIT = -3.0  # a probability of 0.05

# In which two feature sets that a pretrained network takes alike may differ.
_FREE_FEATURES = {"window_samples", "dtype", "silence", "power_floor"}


def build(
    config: ModelConfig, classes: int, input_shape: tuple[int, int] = (92, 80), names: Sequence[str] = ()
) -> keras.Model:
    """Build the network, with fresh or pre-trained weights.

    Args:
        config: which one.
        classes: outputs.
        input_shape: frames and mel bands.
        names: of the classes, by which a pretrained network may know them.

    Raises:
        DataError: the weights are not available or do not fit.
    """
    if config.name in BUILDERS:
        return _registered(config.name, classes, input_shape)
    images = keras.Input((*input_shape, 1), name="log_mel")
    if config.has_backbone:
        maps = _backbone_features(images, config)
        features = HEADS[config.head](maps, config)
    else:
        features = OWN[config.name](images, config)
    if config.known_classes:
        scores = _scores_beside_known_classes(features, maps, config, classes)
    else:
        scores = _scores(classes, "sigmoid", config)(features)
    model = keras.Model(images, scores, name=config.name)
    set_trainable(model, config)
    if config.known_classes:
        _make_known(model.get_layer(_KNOWN), config, names)
    return model


def _scores(classes: int, activation: str | None, config: ModelConfig) -> keras.layers.Layer:
    # float32 whatever the precision policy: a half-precision sigmoid cannot tell small probabilities apart.
    return keras.layers.Dense(classes, activation=activation, dtype="float32", name="scores", **_start(config))


def _scores_beside_known_classes(features: Any, maps: Any, config: ModelConfig, classes: int) -> Any:
    embedding = keras.layers.GlobalAveragePooling2D()(maps[-1] if config.head == "stages" else maps)
    known = KnownClasses(classes, config.known_classes, dtype="float32", name=_KNOWN)(embedding)
    return keras.layers.Activation("sigmoid", dtype="float32")(_scores(classes, None, config)(features) + known)


def _make_known(layer: KnownClasses, config: ModelConfig, names: Sequence[str]) -> None:
    backbone = BACKBONES[config.name]
    assert backbone.whole
    path = backbone.published.fetch() if config.weights in PUBLISHED else Path(config.weights)
    known = same_classes(names, backbone.whole.class_names(), backbone.whole.other_names())
    layer.know(known, *backbone.whole.classifier(path))
    log.info("%s knows %d of %d classes by name", config.name, len(known), len(names))


def _registered(name: str, classes: int, input_shape: tuple[int, int]) -> keras.Model:
    model = BUILDERS[name](classes, input_shape)
    shapes, wanted = (model.input_shape, model.output_shape), ((None, *input_shape, 1), (None, classes))
    if shapes != wanted:
        raise DataError(
            f"network {name}: expected shapes {wanted[0]} to {wanted[1]}, received {shapes[0]} to {shapes[1]}"
        )
    return model


def _start(config: ModelConfig) -> dict[str, Any]:
    """What the scores of a linear head begin with: nothing but that labels are rare.

    At random, thousands of inputs would begin as noise that the few hundred steps of a small data set do not wear off.
    """
    if not (config.has_backbone and config.head in ("linear", "stages")):
        return {}
    return {"kernel_initializer": "zeros", "bias_initializer": keras.initializers.Constant(_RARE_LABEL_LOGIT)}


def set_trainable(model: keras.Model, config: ModelConfig) -> None:
    """Freeze or unfreeze the backbone of a built network; frozen batch normalisation stays in inference mode."""
    if not config.has_backbone:
        return
    backbone = model.get_layer(config.name)
    backbone.trainable = True
    top = BACKBONES[config.name].top
    for layer in backbone.layers:
        layer.trainable = config.trainable == "all" or (config.trainable == "top" and layer.name.startswith(top))
        if config.freeze_statistics and isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def require_weights(config: ModelConfig) -> None:
    """Check that the weights of a network are here, fetching published ones; nothing is built.

    Raises:
        DataError: they are neither here nor to be had, or the file is none of weights.
    """
    if not config.has_backbone or config.weights == "none":
        return
    if config.weights in PUBLISHED:
        BACKBONES[config.name].published.fetch()
        return
    reason = what_is_wrong(Path(config.weights))
    if reason:
        raise DataError(f"{config.weights}: {reason}")


def require_features(config: ModelConfig, features: FeatureConfig) -> None:
    """Check that a network can be fed what a store holds.

    Raises:
        DataError: it expects log-mels of another front end, or images where the store has none.
    """
    wanted = BACKBONES[config.name].features if config.has_backbone else None
    if wanted:
        if any(getattr(features, name) != value for name, value in _front_end(NAMED[wanted]).items()):
            raise DataError(
                f"{config.name} needs log-mels of `build-features --config {wanted}`, and this store has others"
            )
        return
    takes_any = config.name in BUILDERS or (config.name == "compact" and config.standardise)
    if features.scaling == "none" and not takes_any:
        raise DataError(
            f"{config.name} needs images in 0..255, and this store has unscaled log-mels; build one with "
            "`build-features --config report`, or train compact or yamnet"
        )


def parameter_counts(model: keras.Model) -> tuple[int, int, int]:
    """Total, trainable and frozen parameters, without what Keras keeps beside them (the state of dropout)."""
    trainable = sum(math.prod(variable.shape) for variable in model.trainable_weights)
    frozen = sum(math.prod(variable.shape) for variable in model.non_trainable_weights)
    return trainable + frozen, trainable, frozen


def _backbone_features(images: Any, config: ModelConfig) -> Any:
    """A backbone's feature map ``(batch, rows, columns, channels)``, or those of its stages, if the head takes them."""
    row = BACKBONES[config.name]
    if config.level_windows:
        assert row.features
        images = LevelNormalization(NAMED[row.features].log_offset, name="level")(images)
    repeated = keras.layers.Concatenate()([images] * row.channels) if row.channels > 1 else images
    backbone = row.build((*images.shape[1:3], row.channels), config.name)
    if config.weights in PUBLISHED:
        row.load(backbone, row.published.fetch())
    elif config.weights != "none":
        row.load(backbone, Path(config.weights))
    set_momentum(backbone, config.backbone_momentum)
    if config.head == "stages":
        maps = [backbone.get_layer(stage).output for stage in row.stages]
        backbone = keras.Model(backbone.input, maps, name=config.name)
    return backbone(row.prepare(repeated))


def _front_end(features: FeatureConfig) -> dict[str, Any]:
    return {name: value for name, value in vars(features).items() if name not in _FREE_FEATURES}
