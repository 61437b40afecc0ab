"""fat2019: sounds in, tags out, for Freesound Audio Tagging 2019 and data sets shaped like it.

The packages are the stages of one line, and imports point only backwards along it: ``errors``, ``utils``,
``augmentations``, ``config``, ``data``, ``audio``, ``store``, ``feed``, ``models``, ``runs``, ``scoring``,
``training``, ``pages``, ``serving``, ``experiments``, ``cli``.
"""

import os
import sys

from fat2019.errors import DataError

# TensorFlow leaves oneDNN off on AMD processors, where it makes training about twice as fast as well. The variable is
# read when TensorFlow is loaded, so this must come first; what the user has set stands.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.2.0"

__all__ = ["DataError", "__version__"]
