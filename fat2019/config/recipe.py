"""A named configuration, with what is known of it."""

import dataclasses
from collections.abc import Mapping

from fat2019.config.training import TrainConfig


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A row of a table of the report, a curve of a figure, or one of ours."""

    name: str
    experiment: str  # the table, figure or section; ``best`` for ours
    row: str
    config: TrainConfig
    reported: Mapping[str, float]  # parameters, trainable, seconds; LWLRAP: train, validation, test
    note: str = ""
    features: str = "report"  # configuration of the store, one of ``config.features.NAMED``
