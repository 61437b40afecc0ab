"""The configuration of a run of an older version -> today's."""

import dataclasses
from typing import Any

from fat2019.config.training import TrainConfig


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
    """A run's ``config.json`` with the fields that have come since it was written, which then had their defaults."""
    defaults, train = dataclasses.asdict(TrainConfig()), config.get("train", {})
    stage_defaults = defaults["stages"][0]
    stages = [
        {**stage_defaults, **stage, "feed": {**stage_defaults["feed"], **stage.get("feed", {})}}
        for stage in train.get("stages", ())
    ]
    model = {**defaults["model"], **train.get("model", {})}
    return {**config, "train": {**defaults, **train, "model": model, "stages": stages}}
