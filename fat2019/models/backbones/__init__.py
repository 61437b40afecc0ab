"""The backbones: networks made elsewhere, each in a file of its own that is called as the network is.

To add one:

1. a file here with ``BACKBONE``, a :class:`~fat2019.models.backbones.base.Backbone`: its builder up to the feature map,
   the layers of its top and the ends of its stages, what its input must look like, and where its weights are published;
2. its row in ``fat2019.config.model.NETWORKS``, which TensorFlow need not be loaded for; a failing test prints it;
3. if its weights want log-mels of their own, a named configuration in ``fat2019.config.features.NAMED``.

Heads, freezing, momentum, ``--weights`` and its messages, and the tests of every network follow.
"""

import importlib

from fat2019.config.model import NETWORKS
from fat2019.models.backbones.base import Backbone

BACKBONES: dict[str, Backbone] = {
    name: importlib.import_module(f"{__name__}.{name.replace('-', '_')}").BACKBONE
    for name, sizes in NETWORKS.items()
    if sizes
}

__all__ = ["BACKBONES", "Backbone"]
