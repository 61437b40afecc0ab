"""A run that begins with the weights of another one, whatever its classes: all layers but the scores."""

import dataclasses

import keras

from fat2019.config.features import FeatureConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.models.known_classes import KnownClasses
from fat2019.runs.run import Run
from fat2019.runs.upgrade import upgraded

# What of a network may differ: how it is trained, and where a backbone's weights came from before.
_FREE = ("weights", "trainable", "dropout", "backbone_momentum", "freeze_statistics", "known_classes")
_FREE_FEATURES = ("dtype", "silence")  # of which networks do not depend


def require_init(config: TrainConfig, features: FeatureConfig) -> None:
    """Check that the run that another one is to begin with has the same network, head and features; nothing is built.

    Args:
        config: of the new run.
        features: of its store.

    Raises:
        DataError: it cannot be opened, or something does not fit.
    """
    run = Run.open(config.init)
    theirs, ours = upgraded(run.config)["train"]["model"], config.to_plain()["model"]
    pairs = [(name, theirs[name], value) for name, value in ours.items() if name not in _FREE]
    pairs += [
        (f"features: {name}", vars(run.features)[name], value)
        for name, value in vars(features).items()
        if name not in _FREE_FEATURES
    ]
    differing = [f"{name} {there!r} instead of {here!r}" for name, there, here in pairs if there != here]
    if differing:
        raise DataError(f"--init {config.init}: this run has {', '.join(differing[:3])}; its weights do not fit")


def without_backbone_weights(model: ModelConfig) -> ModelConfig:
    """The network of a run that begins with another one's weights.

    Published weights are then read only for what a pretrained network says of classes that it knows.
    """
    return model if model.known_classes else dataclasses.replace(model, weights="none")


def take_over_weights(model: keras.Model, run: Run) -> None:
    """Give a new network the weights of a run's, layer by layer, all but those of the last layer, which are the scores.

    Raises:
        DataError: the run's network cannot be read, or a layer has other shapes.
    """
    theirs, ours = _layers_before_the_scores(run.model()), _layers_before_the_scores(model)
    if _shapes(theirs) != _shapes(ours):
        raise DataError(f"--init {run.path}: its layers have other shapes than those of {model.name}")
    for source, layer in zip(theirs, ours, strict=True):
        layer.set_weights(source.get_weights())


def _layers_before_the_scores(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights and not isinstance(layer, KnownClasses)][:-1]


def _shapes(layers: list[keras.layers.Layer]) -> list[list[tuple[int, ...]]]:
    return [[tuple(weight.shape) for weight in layer.weights] for layer in layers]
