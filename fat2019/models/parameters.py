"""Numbers of parameters, known without building networks, for which TensorFlow would have to be loaded.

A test holds them against the builders.
"""

import dataclasses
from typing import Any

from fat2019.config.features import NAMED
from fat2019.config.model import HEADS, NETWORKS, BackboneSizes
from fat2019.config.recipes import RECIPES, recipe_of


@dataclasses.dataclass(frozen=True)
class Size:
    """Parameters of a network with a head and a single class, its backbone frozen."""

    network: str
    head: str  # ``own`` of networks without a backbone
    total: int
    trainable: int
    units: int  # inputs of the last layer

    def row(self, classes: int) -> dict[str, Any]:
        """What stands for it in a table, with so many classes."""
        more = (classes - 1) * (self.units + 1)
        recipe = recipe_of(self.network)
        features = NAMED[RECIPES[recipe].features]
        return {
            "model": self.network,
            "head": self.head,
            "total": self.total + more,
            "trainable": self.trainable + more,
            "frozen": self.total - self.trainable,
            "input_shape": [features.window_frames, features.mel_bands, 1],
            "recipe": recipe,
        }


_OWN = (
    Size("simple", "own", 27_653, 27_459, 128),
    Size("compact", "own", 662_041, 660_601, 192),
)


def _on(network: str, backbone: BackboneSizes, head: str) -> Size:
    """A network on a backbone: ``fat2019.models.heads`` in numbers."""
    channels, stages = backbone.channels, backbone.stage_channels
    trained, frozen, units = {  # parameters of the head, and inputs of its last layer
        "dense": (256 * channels + 513, 0, 256),
        # Batch normalisation before a convolution of 3x3 to 32 channels, then what does not depend on the backbone.
        "conv": (290 * channels + 27_169, 2 * channels + 192, 128),
        "mlp": (512 * channels + 132_097, 0, 256),
        "linear": (channels + 1, 0, channels),
        "stages": (stages + 1, 2 * stages, stages),
    }[head]
    return Size(network, head, backbone.parameters + trained + frozen, trained, units)


def sizes() -> list[Size]:
    """Every network under every head."""
    on_backbones = [
        _on(network, backbone, head) for network, backbone in NETWORKS.items() if backbone for head in HEADS
    ]
    return [*_OWN, *on_backbones]


def list_models(classes: int) -> list[dict[str, Any]]:
    """Every network and head with its parameters, the backbone frozen, and the network's recipe."""
    return [size.row(classes) for size in sizes()]
