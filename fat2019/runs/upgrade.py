"""The configuration of a run of an older version -> today's."""

from collections.abc import Mapping
from typing import Any

from fat2019.config.feed import FeedConfig
from fat2019.config.training import TrainConfig

# In version 0.1.0 the fields of augmentations were the feed's own, and all of them were always there.
_FIELDS_OF_THE_FEED = {
    "frequency_shift": ("shift_bands", "stretch_bands"),
    "mix_sounds": ("mix_share", "mix_level_db", "mix_in_turn"),
    "mixup": ("mixup_alpha",),
}


def upgraded(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's ``config.json`` as today's version would have written it.

    Fields that have come since it was written have their defaults, which is what they had then.
    """
    train: Mapping[str, Any] = config.get("train", {})
    defaults = TrainConfig().to_plain()
    stage_defaults = defaults["stages"][0]
    stages = [
        {**stage_defaults, **stage, "feed": {**stage_defaults["feed"], **_upgraded_feed(stage.get("feed", {}))}}
        for stage in train.get("stages", ())
    ]
    model = {**defaults["model"], **train.get("model", {})}
    return {**config, "train": {**defaults, **train, "model": model, "stages": stages}}


def _upgraded_feed(feed: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(feed)
    named = rest.pop("augmentations", {})
    for name, fields in _FIELDS_OF_THE_FEED.items():
        if flat := {field: rest.pop(field) for field in fields if field in rest}:
            named = {**named, name: flat}
    if policy := rest.pop("spec_augment", None):
        named = {**named, "spec_augment": policy}
    return {**rest, "augmentations": FeedConfig.from_plain({"augmentations": named}).to_plain()["augmentations"]}
