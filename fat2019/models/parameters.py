"""Numbers of parameters, known without building networks, for which TensorFlow would have to be loaded.

A test holds the table against the builders; what it prints of a network that was added belongs here.
"""

import dataclasses
from typing import Any

from fat2019.config.features import NAMED
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


SIZES = (
    Size("simple", "own", 27_653, 27_459, 128),
    Size("compact", "own", 662_041, 660_601, 192),
    Size("resnet50", "dense", 24_112_513, 524_801, 256),
    Size("resnet50", "conv", 24_213_089, 621_089, 128),
    Size("resnet50", "mlp", 24_768_385, 1_180_673, 256),
    Size("resnet50", "linear", 23_589_761, 2_049, 2_048),
    Size("resnet50", "stages", 23_598_465, 3_585, 3_584),
    Size("mobilenetv2", "dense", 2_586_177, 328_193, 256),
    Size("mobilenetv2", "conv", 2_659_105, 398_369, 128),
    Size("mobilenetv2", "mlp", 3_045_441, 787_457, 256),
    Size("mobilenetv2", "linear", 2_259_265, 1_281, 1_280),
    Size("mobilenetv2", "stages", 2_262_881, 1_633, 1_632),
    Size("efficientnetv2-b0", "dense", 6_247_505, 328_193, 256),
    Size("efficientnetv2-b0", "conv", 6_320_433, 398_369, 128),
    Size("efficientnetv2-b0", "mlp", 6_706_769, 787_457, 256),
    Size("efficientnetv2-b0", "linear", 5_920_593, 1_281, 1_280),
    Size("efficientnetv2-b0", "stages", 5_924_353, 1_681, 1_680),
    Size("yamnet", "dense", 3_480_001, 262_657, 256),
    Size("yamnet", "conv", 3_543_713, 324_129, 128),
    Size("yamnet", "mlp", 3_873_729, 656_385, 256),
    Size("yamnet", "linear", 3_218_369, 1_025, 1_024),
    Size("yamnet", "stages", 3_230_401, 4_353, 4_352),
)


def list_models(classes: int) -> list[dict[str, Any]]:
    """Every network and head with its parameters, the backbone frozen, and the network's recipe."""
    return [size.row(classes) for size in SIZES]
