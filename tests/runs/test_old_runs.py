"""Runs that version 0.1.0 wrote open, tag, export and resume as if it had done so itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.runs.upgrade import upgraded
from fat2019.serving.export import export
from fat2019.serving.tagger import Tagger
from fat2019.store.reader import FeatureStore
from fat2019.training.trainer import train
from tests.old_clips import write_clips

ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "v0.1.0"
EXPECTED = json.loads((ARTEFACTS / "expected.json").read_text())
ALL_AUGMENTATIONS = (
    FrequencyShift(shift_bands=4, stretch_bands=0.1),
    MixSounds(mix_share=0.75, mix_level_db=3.0, mix_in_turn=0.5),
    SpecAugment(time_warp_frames=8, fill="mean"),
    MixUp(0.2),
)
CONFIG = TrainConfig(
    ModelConfig("compact", weights="none", width=2, dropout=0.2),
    (
        Stage(("noisy",), epochs=2, validate_on="noisy", learning_rate=1e-2, feed=FeedConfig(batch_windows=4)),
        Stage(
            epochs=3,
            learning_rate=1e-2,
            optimizer="adamw",
            schedule="cosine",
            feed=FeedConfig(batch_windows=4, candidates=2, augmentations=ALL_AUGMENTATIONS),
        ),
    ),
    validation_share=0.34,
    seed=7,
)


@pytest.fixture
def copy_of(tmp_path):
    """``copy_of(name)``: a run of the artefacts, on the store beside it."""

    def copy(name):
        shutil.copytree(ARTEFACTS / name, tmp_path / name)
        config = json.loads((ARTEFACTS / name / "config.json").read_text())
        config["store"] = str(ARTEFACTS / config["store"])
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        return tmp_path / name

    return copy


def test_an_old_configuration_is_read_as_the_same_configuration_of_today():
    config = json.loads((ARTEFACTS / "run-finished" / "config.json").read_text())
    assert TrainConfig.from_plain(upgraded(config)["train"]) == CONFIG


def test_what_is_upgraded_stays_as_it_is():
    config = {"train": CONFIG.to_plain(), "store": "somewhere"}
    assert upgraded(config) == config


def test_an_augmentation_of_nobody_is_refused_by_its_name():
    train = CONFIG.to_plain()
    train["stages"][1]["feed"]["augmentations"]["echo"] = {}
    with pytest.raises(DataError, match=r"augmentation: expected one of .*mixup.*received 'echo'"):
        upgraded({"train": train})


def test_an_old_run_opens_on_its_store_and_tags_sounds_with_the_same_scores(copy_of, tmp_path):
    run = Run.open(copy_of("run-finished"))
    assert run.store().path == ARTEFACTS / "store-hdf5"
    assert run.metrics["validation"]["lwlrap"] == EXPECTED["metrics"]["validation"]["lwlrap"]
    (tmp_path / "clips").mkdir()
    clips = write_clips(tmp_path / "clips")
    tagged = {one.path.name: one.scores for one in Tagger(run).tag(sorted((clips / "test").glob("*.wav")), pytest.fail)}
    assert tagged.keys() == EXPECTED["tags"].keys()
    for name, scores in tagged.items():
        np.testing.assert_allclose(scores, EXPECTED["tags"][name], atol=1e-6)


def test_an_old_run_is_exported(copy_of, tmp_path):
    written = export(Run.open(copy_of("run-finished")), "tflite", tmp_path / "model.tflite")
    assert (written["classes"], Path(written["path"]).stat().st_size) == (3, written["bytes"])


def test_an_old_run_resumes_to_the_numbers_of_its_own_version(copy_of):
    path = copy_of("run-interrupted")
    run = train(FeatureStore.open(ARTEFACTS / "store-hdf5"), CONFIG, path)
    history = run.history().drop(columns="seconds")
    pd.testing.assert_frame_equal(history, pd.DataFrame(EXPECTED["history"]), rtol=1e-5, atol=1e-5)
    metrics = run.metrics
    assert (metrics["parameters"], metrics["epochs"]) == (
        EXPECTED["metrics"]["parameters"],
        EXPECTED["metrics"]["epochs"],
    )
    assert metrics["validation"]["lwlrap"] == pytest.approx(EXPECTED["metrics"]["validation"]["lwlrap"])
