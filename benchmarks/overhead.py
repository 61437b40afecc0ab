"""What the feed costs a training step: the simple network fed by it, against the same network on one constant batch."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from stores import RepeatedStore

from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.feed.training import TrainingFeed
from fat2019.models.losses import TaggingLoss
from fat2019.models.networks import build
from fat2019.store.reader import FeatureStore

_STEPS = 20  # of a block; blocks of both kinds alternate
_BLOCKS = 4  # of each kind in a run


def training_overhead(features: Path, runs: int, note: Callable[[str], None]) -> dict[str, Any]:
    """Step times and their ratio, as medians over the blocks of all runs.

    Both sides run the same compiled step of Keras' ``fit`` on an iterator of ``tf.data``.
    """
    store = RepeatedStore(FeatureStore.open(features))
    model = build(ModelConfig(), store.labels.shape[1], (store.config.window_frames, store.config.mel_bands))
    model.compile(keras.optimizers.Adam(3e-4), loss=TaggingLoss())
    dataset = TrainingFeed(store, store.training, FeedConfig(augmentations=(SpecAugment(),), reader="memory")).dataset()  # type: ignore[arg-type]
    fed = iter(dataset)
    constant = iter(tf.data.Dataset.from_tensors(next(fed)).repeat())
    model.make_train_function()
    step = model.train_function
    for iterator in (fed, constant):
        _step_s(step, iterator)  # compiles
    pairs = []
    for run in range(runs):
        pairs += [(_step_s(step, fed), _step_s(step, constant)) for _ in range(_BLOCKS)]
        note(f"run {run + 1} of {runs}: ratio {np.median([a / b for a, b in pairs]):.3f} so far")
    times = np.array(pairs)  # (blocks, 2)
    ratios = times[:, 0] / times[:, 1]
    return {
        "name": "step of the simple network, batch of 64",
        "fed_step_ms": round(1000 * float(np.median(times[:, 0])), 2),
        "constant_step_ms": round(1000 * float(np.median(times[:, 1])), 2),
        "ratio": round(float(np.median(ratios)), 3),
        "ratio_quartiles": [round(float(quartile), 3) for quartile in np.percentile(ratios, (25, 75))],
    }


def _step_s(step: Callable[[Iterator[Any]], Any], iterator: Iterator[Any]) -> float:
    began = time.perf_counter()
    for _ in range(_STEPS):
        logs = step(iterator)
    float(np.asarray(next(iter(logs.values()))))  # the last step is finished when its loss is known
    return (time.perf_counter() - began) / _STEPS
