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

    @property
    def decisions(self) -> tuple[str, ...]:
        """What was chosen where the report is silent, or where its text and the code that it cites differ."""
        noted = [part for part in self.note.split("; ") if part]
        if self.config.model.has_backbone and any(stage.trainable != "none" for stage in self.config.stages):
            noted.append(
                f"momentum of the backbone's batch normalisation: {self.config.model.backbone_momentum:g}, since "
                "Keras's 0.99 (ResNet50) and 0.999 (MobileNetV2) take more steps than a training has"
            )
        if {"validation", "test"} & self.reported.keys():
            noted.append(
                "windows: `train` scores all of a clip's, `reproduce` the max-energy one as the report did, or all "
                "(--windows tiled)"
            )
        return tuple(noted)
