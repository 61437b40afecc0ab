"""The whole job on a small synthetic data set: sounds, features, training, submission, score."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from fat2019.config.features import FeatureConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import BOTH, Stage, TrainConfig
from fat2019.data.data_set import find_data_set
from fat2019.data.synthesis import make_data_set
from fat2019.scoring.evaluation import evaluate_run, predict_test
from fat2019.scoring.metrics import lwlrap
from fat2019.scoring.submission import write_submission
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import EpochCallback
from fat2019.training.trainer import train

_CHANCE_DRAWS = 200


def run_demo(
    out: Path,
    *,
    epochs: int,
    seed: int,
    progress: Callable[[str], AbstractContextManager[Callable[[int, int], None]]],
    report: EpochCallback,
) -> dict[str, Any]:
    """Do it all below ``out``; what is there already is not done again.

    Returns:
        LWLRAP on validation and test, what random scores reach on the test clips, and the paths.
    """
    began = time.monotonic()
    with progress("sounds made") as show:
        make_data_set(out / "data", seed=seed, progress=show)
    data_set = find_data_set(out / "data")
    with progress("features of clips") as show:
        build_features(data_set, out / "features", FeatureConfig(), progress=show)
    store = FeatureStore.open(out / "features")
    # A tenth of the report's clips make a tenth of its steps per epoch, so the rate is higher.
    config = TrainConfig(
        ModelConfig("simple"),
        (Stage(BOTH, epochs=epochs, learning_rate=2e-3, schedule="cosine"),),
        validation_share=0.2,
        seed=seed,
    )
    train(store, config, out / "run", report)
    truth = out / "data" / "test_truth.csv"
    scores = evaluate_run(out / "run", truth=truth)
    fnames, predicted, vocabulary = predict_test([out / "run"])
    submission = out / "submission.csv"
    write_submission(submission, fnames, predicted, vocabulary, data_set.sample_submission)
    return {
        "validation_lwlrap": scores["validation"]["lwlrap"],
        "test_lwlrap": scores["test"]["lwlrap"],
        "chance_lwlrap": _chance(truth, store, seed),
        "classes": len(vocabulary),
        "submission": str(submission),
        "run": str(out / "run"),
        "seconds": round(time.monotonic() - began, 1),
    }


def _chance(truth: Path, store: FeatureStore, seed: int) -> float:
    """The mean LWLRAP of random scores."""
    from fat2019.scoring.submission import read_truth

    labels = np.stack([store.vocabulary.encode(names) for names in read_truth(truth, store.vocabulary)["labels"]])
    random = np.random.default_rng(seed)
    return float(np.mean([lwlrap(labels, random.random(labels.shape)) for _ in range(_CHANCE_DRAWS)]))
