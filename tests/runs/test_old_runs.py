"""Runs that version 0.1.0 wrote open, tag, export and resume as if it had done so itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fat2019.runs.run import Run
from fat2019.serving.export import export
from fat2019.serving.tagger import Tagger
from fat2019.store.reader import FeatureStore
from fat2019.training.trainer import train
from tests.old_clips import write_clips
from tests.runs.old import ARTEFACTS, CONFIG

EXPECTED = json.loads((ARTEFACTS / "expected.json").read_text())


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
