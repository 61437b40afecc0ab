"""Relabelling: every noisy clip is scored once, by a network that has not seen it, and training uses the result."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.training.cleaning import read_judged
from fat2019.training.partition import Partition
from fat2019.training.relabel import relabel
from fat2019.training.trainer import train

CONFIG = TrainConfig(
    ModelConfig("compact", weights="none", width=4),
    (Stage(("curated", "noisy"), epochs=1, feed=FeedConfig(batch_windows=16)),),
)


@pytest.fixture(scope="module")
def relabelled(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("relabel")
    table = relabel(store, CONFIG, folder / "judged.csv", folder / "work", folds=2)
    return folder, table


def test_every_noisy_clip_is_held_out_once_and_curated_clips_are_trained_on_but_for_those_of_validation(
    store, relabelled
):
    folder, table = relabelled
    by_split = {split: set(store.clips["fname"][store.clips["split"] == split]) for split in ("curated", "noisy")}
    later = Partition.of(store, dataclasses.replace(CONFIG, relabel=str(folder / "judged.csv")))
    validated = set(store.clips["fname"][later.validation["curated"]])
    assert validated
    held_out = [Run.open(folder / "work" / f"fold-{fold}").held_out()[1] for fold in (1, 2)]
    assert held_out[0] | held_out[1] == set(table["fname"]) == by_split["noisy"]
    assert not held_out[0] & held_out[1]
    for fold, others in ((1, held_out[1]), (2, held_out[0])):
        split = pd.read_csv(folder / "work" / f"fold-{fold}" / "split.csv")
        assert set(split["fname"][split["part"] == "train"]) == (by_split["curated"] - validated) | others


def test_the_scores_are_those_of_the_network_that_has_not_seen_the_clip(store, relabelled):
    from fat2019.scoring.inference import score_clips

    folder, table = relabelled
    table = table.set_index("fname")
    for fold in (1, 2):
        run = Run.open(folder / "work" / f"fold-{fold}")
        clips = np.flatnonzero(store.clips["fname"].isin(run.held_out()[1]))
        of_file = table.loc[store.clips["fname"][clips], list(store.vocabulary.names)]
        np.testing.assert_allclose(of_file, score_clips(run.model(), store, clips), atol=1e-5)


def test_training_leaves_out_what_the_file_drops_and_refuses_to_go_on_with_another_file(store, relabelled, tmp_path):
    _folder, table = relabelled
    path = tmp_path / "judged.csv"
    table.assign(use=np.resize(["drop", "soft"], len(table))).to_csv(path, index=False)
    config = dataclasses.replace(CONFIG, relabel=str(path))
    train(store, config, tmp_path / "run")
    split = pd.read_csv(tmp_path / "run" / "split.csv")
    dropped = set(store.clips["fname"][read_judged(path, store)[1]])
    assert dropped and not dropped & set(split["fname"])
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match="relabel_sha256"):
        train(store, config, tmp_path / "run")


@pytest.mark.parametrize("folds", [0, 1, 99])
def test_a_number_of_folds_that_cannot_be_is_refused(store, tmp_path, folds):
    with pytest.raises(DataError, match="folds: expected 2 to"):
        relabel(store, CONFIG, tmp_path / "judged.csv", tmp_path / "work", folds=folds)


def test_judgements_that_somebody_edited_are_not_written_over(store, relabelled):
    folder, table = relabelled
    before = (folder / "judged.csv").read_bytes()
    assert relabel(store, CONFIG, folder / "judged.csv", folder / "work", folds=2).equals(table)
    table.assign(use="keep").to_csv(folder / "judged.csv", index=False)
    edited = (folder / "judged.csv").read_bytes()
    assert edited != before
    with pytest.raises(DataError, match=r"judged\.csv: already exists and was edited or made with other settings"):
        relabel(store, CONFIG, folder / "judged.csv", folder / "work", folds=2)
    assert (folder / "judged.csv").read_bytes() == edited
