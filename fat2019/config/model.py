"""Which network, and what of it is trained. Its builders are in :mod:`fat2019.models`."""

import dataclasses
from typing import Annotated, Literal, NamedTuple

from fat2019.errors import DataError
from fat2019.utils.values import MODEL, Checked, option, require


class BackboneSizes(NamedTuple):
    """What the numbers of parameters of a backbone under each head follow from."""

    parameters: int
    channels: int  # of its feature map
    stage_channels: int  # of the maps that the head ``stages`` takes, together


# In the order in which they are listed; none for networks that are no head on a backbone.
NETWORKS: dict[str, BackboneSizes | None] = {
    "simple": None,
    "compact": None,
    "resnet50": BackboneSizes(23_587_712, 2_048, 3_584),
    "mobilenetv2": BackboneSizes(2_257_984, 1_280, 1_632),
    "efficientnetv2-b0": BackboneSizes(5_919_312, 1_280, 1_680),
    "yamnet": BackboneSizes(3_217_344, 1_024, 4_352),
}
HEADS = ("dense", "conv", "mlp", "linear", "stages")
PUBLISHED = ("pretrained", "imagenet", "audioset")  # weights that are not in a file of the user's

Trainable = Literal["none", "top", "all"]  # parts of the backbone; the head always is


@dataclasses.dataclass(frozen=True)
class ModelConfig(Checked):
    """Which network, and what of it is trained."""

    name: Annotated[
        str,
        option(
            "--model",
            MODEL,
            "Network; without --recipe, also sets the recipe (see `fat2019 models`).",
            choices=NETWORKS,
        ),
    ] = "simple"
    head: Annotated[str, option("--head", MODEL, "Layers on top of the backbone.", choices=HEADS)] = "dense"
    weights: Annotated[
        str,
        option(
            "--weights",
            MODEL,
            "Weights of the backbone: pretrained (ImageNet; AudioSet for yamnet), none or a file.",
            metavar="NAME|FILE",
        ),
    ] = "pretrained"
    trainable: Annotated[Trainable, option("--trainable", MODEL, "Part of the backbone to train.")] = "none"
    kernel_size: Annotated[
        int, option("--kernel-size", MODEL, "Kernel size of the simple network and the conv head.", ge=1)
    ] = 3
    dropout: Annotated[float, option("--dropout", MODEL, "Dropout rate before the last layer.", ge=0, lt=1)] = 0.5
    # After 20 steps the statistics are the network's own. Keras's 0.99 and 0.999 take hundreds and thousands, and until
    # then it scores like one that has learnt nothing.
    backbone_momentum: Annotated[
        float,
        option(
            "--backbone-momentum",
            MODEL,
            "Momentum of the moving statistics in the batch normalisation of a trained backbone.",
            gt=0,
            lt=1,
        ),
    ] = 0.9
    # Few clips move the statistics further from those that the weights were trained with than the weights can follow:
    # fine-tuned with them, YAMNet fell from an LWLRAP of 0.68 to 0.52 on everyday sounds (``benchmarks/README.md``).
    freeze_statistics: Annotated[
        bool,
        option(
            "--freeze-statistics",
            MODEL,
            "Keep the batch normalisation of a trained backbone in inference mode, with its pretrained statistics.",
        ),
    ] = False
    known_classes: Annotated[
        float,
        option(
            "--known-classes",
            MODEL,
            "Weight of the pretrained network's own logits for classes that it knows by name (0 = off).",
            metavar="WEIGHT",
            ge=0,
        ),
    ] = 0.0
    level_windows: Annotated[
        bool,
        option("--level-windows", MODEL, "Bring each window to the same peak before the network (yamnet)."),
    ] = False
    # Fields of ``compact`` alone:
    width: Annotated[
        int,
        option(
            "--width", MODEL, "Channels of the compact network's first block; each further block doubles them.", ge=1
        ),
    ] = 24
    standardise: Annotated[
        bool,
        option("--standardise", MODEL, "Standardise each window to zero mean and unit variance (compact network)."),
    ] = True  # else 0..255 to 0..1
    frequency_map: Annotated[
        bool, option("--frequency-map", MODEL, "Add a channel with each band's position, 0 to 1 (compact network).")
    ] = False
    pooling: Annotated[
        Literal["mean", "mean+max", "attention"], option("--pooling", MODEL, "Pooling over time (compact network).")
    ] = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model name", self.name, Literal[tuple(NETWORKS)])
        require("model head", self.head, Literal[HEADS])
        if self.weights in PUBLISHED:  # which they are, is the network's own; those before there were others had one
            object.__setattr__(self, "weights", "audioset" if self.name == "yamnet" else "imagenet")

        if self.known_classes and (self.name != "yamnet" or self.weights == "none"):
            raise DataError(
                f"known_classes: expected 0 for {self.name} with weights {self.weights}: only a pretrained yamnet has "
                "classes of its own; add --known-classes 0"
            )
        if self.level_windows and self.name != "yamnet":
            raise DataError(
                f"level_windows: expected off for {self.name}, whose windows are scaled by their range; leave out "
                "--level-windows"
            )

    @property
    def has_backbone(self) -> bool:
        """Whether it is a head on a network made elsewhere."""
        return NETWORKS[self.name] is not None
