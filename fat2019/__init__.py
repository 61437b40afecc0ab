"""Audio tagging from precomputed features, for Freesound Audio Tagging 2019 and your own sounds.

The packages are the stages of one pipeline, and each imports only from those before it: ``errors``, ``utils``,
``augmentations``, ``config``, ``data``, ``audio``, ``store``, ``feed``, ``models``, ``runs``, ``scoring``,
``training``, ``pages``, ``serving``, ``experiments``, ``cli``.

The names in ``__all__`` are public and are loaded on first use: ``import fat2019`` alone loads no other library.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from fat2019.errors import DataError

if TYPE_CHECKING:
    from fat2019.api import TrainedRun, build_features, load, register_network, register_recipe, train
    from fat2019.feed.evaluation import EvaluationFeed, EvaluationWindows
    from fat2019.feed.training import TrainingFeed
    from fat2019.models.keras_metric import LwlrapMetric
    from fat2019.scoring.metrics import lwlrap
    from fat2019.store.reader import FeatureStore

__version__ = "0.2.0"

__all__ = [
    "DataError",
    "EvaluationFeed",
    "EvaluationWindows",
    "FeatureStore",
    "LwlrapMetric",
    "TrainedRun",
    "TrainingFeed",
    "__version__",
    "build_features",
    "load",
    "lwlrap",
    "register_network",
    "register_recipe",
    "train",
]

_HOME = {
    "EvaluationFeed": "fat2019.feed.evaluation",
    "EvaluationWindows": "fat2019.feed.evaluation",
    "FeatureStore": "fat2019.store.reader",
    "LwlrapMetric": "fat2019.models.keras_metric",
    "TrainedRun": "fat2019.api",
    "TrainingFeed": "fat2019.feed.training",
    "build_features": "fat2019.api",
    "load": "fat2019.api",
    "lwlrap": "fat2019.scoring.metrics",
    "register_network": "fat2019.api",
    "register_recipe": "fat2019.api",
    "train": "fat2019.api",
}

_WITHOUT_KERAS = ("FeatureStore", "lwlrap")

# TensorFlow itself turns oneDNN on for processors with these flags.
_ONEDNN_BY_ITSELF = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fat2019' has no attribute {name!r}")
    if name not in _WITHOUT_KERAS:
        from fat2019.utils.tensorflow import keras_on_tensorflow

        keras_on_tensorflow()
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _switch_onednn_on() -> None:
    """Turn on oneDNN, which TensorFlow leaves off on some processors though it makes training about twice as fast.

    TensorFlow reads the variable when it is loaded; a value set by the user is kept.
    """
    if "TF_ENABLE_ONEDNN_OPTS" in os.environ:
        return
    if "tensorflow" not in sys.modules:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    elif not _ONEDNN_BY_ITSELF & _processor_flags():
        import warnings

        warnings.warn(
            "TensorFlow was loaded before fat2019, and so without oneDNN, which takes about half the speed: import "
            "fat2019 before keras and tensorflow, or set TF_ENABLE_ONEDNN_OPTS=1 (0 keeps it off in silence)",
            RuntimeWarning,
            stacklevel=3,
        )


def _processor_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 (pathlib takes longer)
            return next((set(line.split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return set()


_switch_onednn_on()
