"""Which network, and what of it is trained. Its builders are in :mod:`fat2019.models`."""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from fat2019.utils.values import Checked, require

NETWORKS = {  # whether it is a head on a backbone
    "simple": False,
    "compact": False,
    "resnet50": True,
    "mobilenetv2": True,
    "efficientnetv2-b0": True,
}
HEADS = ("dense", "conv", "mlp")

Trainable = Literal["none", "top", "all"]  # parts of the backbone; the head always is


@dataclasses.dataclass(frozen=True)
class ModelConfig(Checked):
    """Which network, and what of it is trained."""

    name: str = "simple"
    head: str = "dense"  # on a backbone
    weights: str = "imagenet"  # of the backbone: "imagenet", "none", or the path of a weights file
    trainable: Trainable = "none"
    kernel_size: Annotated[int, Meta(ge=1)] = 3  # of the simple network's convolutions
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    # Of ``compact`` alone:
    width: Annotated[int, Meta(ge=1)] = 24  # channels of its first block; each block has twice those of the one before
    standardise: bool = True  # each window to mean 0 and deviation 1; else 0..255 to 0..1
    frequency_map: bool = False  # a second channel, rising from 0 at the lowest band to 1
    pooling: Literal["mean", "mean+max", "attention"] = "mean"  # over time

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model name", self.name, Literal[tuple(NETWORKS)])
        require("model head", self.head, Literal[HEADS])

    @property
    def has_backbone(self) -> bool:
        """Whether it is a head on a network made elsewhere."""
        return NETWORKS[self.name]
