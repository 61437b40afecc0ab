"""The backbones: networks made elsewhere, each in a file of its own.

To add one:

1. a file here with a :class:`~fat2019.models.backbones.base.Backbone`: its builder up to the feature map, the layers of
   its top and the ends of its stages, what its input must look like, and where its weights are published;
2. its name in :data:`BACKBONES` below, and in ``fat2019.config.model.NETWORKS``, which TensorFlow need not be loaded
   for;
3. if its weights want log-mels of their own, a named configuration in ``fat2019.config.features.NAMED``;
4. its numbers of parameters in ``fat2019.models.parameters``, as the failing test prints them.

Heads, freezing, momentum, ``--weights`` and its messages, and the tests of every network follow.
"""

from fat2019.models.backbones.base import Backbone
from fat2019.models.backbones.efficientnetv2 import EFFICIENTNETV2_B0
from fat2019.models.backbones.mobilenetv2 import MOBILENETV2
from fat2019.models.backbones.resnet50 import RESNET50
from fat2019.models.backbones.yamnet import YAMNET

BACKBONES: dict[str, Backbone] = {
    "resnet50": RESNET50,
    "mobilenetv2": MOBILENETV2,
    "efficientnetv2-b0": EFFICIENTNETV2_B0,
    "yamnet": YAMNET,
}

__all__ = ["BACKBONES", "Backbone"]
