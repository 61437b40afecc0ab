"""Noisy clips -> scores by networks that were not trained on them -> a confidence in each clip's labels.

The noisy clips are parted into folds; for each of them a network is trained on all curated clips and the other folds,
and scores that fold. The runs are ordinary ones: an interrupted relabelling resumes where it stopped.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.scoring.inference import score_clips
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import EpochCallback
from fat2019.training.cleaning import judged, require_own_columns
from fat2019.training.trainer import train
from fat2019.utils.files import write_whole
from fat2019.utils.tables import say_formulas

if TYPE_CHECKING:
    import pandas as pd


def relabel(
    store: FeatureStore,
    config: TrainConfig,
    out: Path,
    work: Path,
    *,
    folds: int = 3,
    on_epoch: EpochCallback | None = None,
) -> "pd.DataFrame":
    """Judge the labels of all noisy clips.

    Args:
        store: the features.
        config: how the networks are trained; whatever it says about clips to train on and to hold out is replaced.
        out: the CSV file, see :mod:`fat2019.training.cleaning`.
        work: gets the runs.
        folds: of the noisy clips.
        on_epoch: is called after each epoch.

    Returns:
        The table that was written.

    Raises:
        DataError: the store has no noisy clips, a run cannot be trained, or the file is there and holds something else.
    """
    noisy = np.flatnonzero(store.clips["split"].to_numpy() == "noisy")
    if not len(noisy):
        raise DataError(f"{store.path}: it has no noisy clips to relabel")
    if not 2 <= folds <= len(noisy):
        raise DataError(f"folds: expected 2 to {len(noisy)}, the noisy clips, received {folds}")
    require_own_columns(store)
    scores = np.zeros((len(noisy), len(store.vocabulary)))
    fnames = store.clips["fname"].to_numpy()[noisy]
    for fold in range(1, folds + 1):
        keras.backend.clear_session()
        run = train(store, _holding_out(config, folds, fold), work / f"fold-{fold}", on_epoch)
        rows = np.flatnonzero(np.isin(fnames, list(run.held_out()[1])))
        scores[rows] = score_clips(run.model(), store, noisy[rows])
    table = judged(store, noisy, scores)
    _write(out, table.to_csv(index=False, lineterminator="\n"))
    say_formulas(out, (*table["fname"], *store.vocabulary.names))
    return table


def _write(out: Path, judgement: str) -> None:
    """Write the file, but not over one that somebody may have edited."""
    if out.is_file() and out.read_bytes() != judgement.encode():
        raise DataError(
            f"{out}: already exists and was edited or made with other settings; give another --out, or remove it "
            "(the runs are kept, and not trained again)"
        )
    write_whole(out, judgement)


def _holding_out(config: TrainConfig, folds: int, fold: int) -> TrainConfig:
    """The configuration that is validated on one fold of the noisy clips and trained on everything else.

    Not on the curated clips that `train` holds out, though: labels that they had shaped would flatter its validation.
    """
    stages = tuple(
        dataclasses.replace(stage, splits=("curated", "noisy"), validate_on="noisy") for stage in config.stages
    )
    return dataclasses.replace(config, stages=stages, folds=folds, fold=fold, spare_validation=True)
