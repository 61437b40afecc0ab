"""How single options change a configuration: one name a field, whatever stage or part of the configuration has it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from fat2019.augmentations import registry
from fat2019.config.feed import FeedConfig
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError


def changed(config: TrainConfig, options: Mapping[str, Any]) -> TrainConfig:
    """The configuration with these options in place of its fields.

    Options of a stage or of its feed hold for every stage, but ``epochs`` are those of the last stage, and earlier
    stages are scaled to match. The names are the fields' own, and those of the options of augmentations.

    Raises:
        DataError: a value is out of range, or a policy is one of SpecAugment that is switched off.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if "epochs" in given:
        config = _with_epochs(config, given.pop("epochs"))
    stages = tuple(
        _replaced(dataclasses.replace(stage, feed=_changed_feed(stage.feed, given)), given) for stage in config.stages
    )
    return _replaced(dataclasses.replace(config, model=_replaced(config.model, given), stages=stages), given)


def scaled_epochs(config: TrainConfig, scale: float) -> TrainConfig:
    """The configuration with this share of each stage's epochs, at least one."""
    stages = tuple(dataclasses.replace(stage, epochs=max(1, round(scale * stage.epochs))) for stage in config.stages)
    return dataclasses.replace(config, stages=stages)


def without_noisy_clips(config: TrainConfig) -> TrainConfig:
    """The configuration for a data set without noisy clips: every stage is trained and validated on curated ones."""
    stages = tuple(dataclasses.replace(stage, splits=("curated",), validate_on="curated") for stage in config.stages)
    return dataclasses.replace(config, stages=stages)


def _with_epochs(config: TrainConfig, epochs: int) -> TrainConfig:
    last = config.stages[-1]
    before = scaled_epochs(config, epochs / last.epochs).stages[:-1]
    return dataclasses.replace(config, stages=(*before, dataclasses.replace(last, epochs=epochs)))


def _changed_feed(feed: FeedConfig, given: Mapping[str, Any]) -> FeedConfig:
    return _replaced(feed, {**given, "augmentations": registry.changed(feed.augmentations, given)})


def _replaced(value: Any, changes: Mapping[str, Any]) -> Any:
    names = {field.name for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **{name: change for name, change in changes.items() if name in names})


# Where an option does something; it is read by nobody else, and a run must not say that it was used.
_HAS_HEAD, _ON_BACKBONES = "a network on a backbone", lambda config: config.model.has_backbone
_OF_COMPACT = ("the compact network", lambda config: config.model.name == "compact")
_EFFECTIVE: dict[str, tuple[str, Callable[[TrainConfig], bool]]] = {
    "weights": (_HAS_HEAD, _ON_BACKBONES),
    "head": (_HAS_HEAD, _ON_BACKBONES),
    "trainable": (_HAS_HEAD, _ON_BACKBONES),
    "width": _OF_COMPACT,
    "pooling": _OF_COMPACT,
    "standardise": _OF_COMPACT,
    "frequency_map": _OF_COMPACT,
    "kernel_size": (
        "the simple network, and the head conv",
        lambda config: config.model.name == "simple" or (_ON_BACKBONES(config) and config.model.head == "conv"),
    ),
    "dropout": (
        "networks without a backbone, and the heads conv and mlp",
        lambda config: not _ON_BACKBONES(config) or config.model.head != "dense",
    ),
    "weight_decay": ("--optimizer adamw", lambda config: any(stage.optimizer == "adamw" for stage in config.stages)),
    "noisy_weight": ("noisy clips (--splits)", lambda config: any("noisy" in stage.splits for stage in config.stages)),
    "validation_share": ("training without --folds", lambda config: not config.folds),
}


def require_effect(config: TrainConfig, options: Mapping[str, Any]) -> None:
    """Check that each option that is not None has a part in what the configuration does.

    Raises:
        DataError: one has none.
    """
    for name, (where, is_effective) in _EFFECTIVE.items():
        value = options.get(name)
        is_true_anyway = name == "weights" and value == "none"
        if value is not None and not is_true_anyway and not is_effective(config):
            raise DataError(f"{name}: {value} has no effect here: it is an option of {where}")
    registry.require_effect((one for stage in config.stages for one in stage.feed.augmentations), options)
