"""The checksums that a run states: edited, exchanged and missing files."""

import json
import shutil

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.runs.verify import verify_run
from tests.run_folders import as_version_0_1, make_run
from tests.runs.spoilt import SMALL, edit


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("config.json", '"Bark"', '"Bork"'),
        ("config.json", '"n_fft": 1024', '"n_fft": 2048'),
        ("config.json", '"format": 2', '"format": 1'),
        ("split.csv", ",validation", ",train"),
        ("history.csv", "0.2", "0.9"),
        ("metrics.json", "0.25", "0.95"),
        ("checksums.json", '"output": [', '"output": [7, '),
    ],
)
def test_an_edited_file_is_refused_when_the_run_is_opened(run, file, before, after):
    edit(run.path / file, before, after)
    with pytest.raises(DataError, match=rf"{file}: .*(digest|SHA-256 differs)"):
        Run.open(run.path)
    assert len(verify_run(run.path)) == 1


@pytest.mark.parametrize("file", ["model.keras", "network.tflite"])
def test_another_network_is_found_when_it_is_loaded(run, store, tmp_path, file):
    other = make_run(tmp_path / "other", store, seed=1, validation=(0, 3, 5), stated=True)
    shutil.copyfile(other.path / file, run.path / file)
    opened = Run.open(run.path)  # of which the large files are not read
    with pytest.raises(DataError, match=rf"{file}: is not the file that the run wrote"):
        opened.model() if file == "model.keras" else opened.graph()
    assert [problem.split(": ")[0] for problem in verify_run(run.path)] == [str(run.path / file)]


@pytest.mark.parametrize("file", SMALL[1:])
def test_a_missing_file_is_named(run, file):
    (run.path / file).unlink()
    if file == "metrics.json":  # which makes it an unfinished run
        assert not Run.open(run.path).metrics
        return
    with pytest.raises(DataError, match=rf"{file}: missing"):
        Run.open(run.path)


def test_what_the_user_may_change_is_not_refused(run, store, tmp_path):
    shutil.copytree(store.path, tmp_path / "moved")
    edit(run.path / "config.json", json.dumps(str(store.path)), json.dumps(str(tmp_path / "moved")))
    (run.path / "log.txt").write_text("notes")
    (run.path / "export").mkdir()
    assert Run.open(run.path).store().path == tmp_path / "moved"
    assert verify_run(run.path) == []


def test_a_network_of_other_shapes_or_without_numbers_is_refused_in_runs_of_any_version(run, store, tmp_path):
    import keras

    as_version_0_1(run.path)
    model = run.model()
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    model.save(run.path / "model.keras")
    with pytest.raises(DataError, match="weights that are NaN or infinite"):
        Run.open(run.path).model()
    image = keras.Input((store.config.window_frames, store.config.mel_bands, 1))
    seven = keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(image))
    keras.Model(image, seven).save(run.path / "model.keras")
    with pytest.raises(DataError, match=r"to \(5,\), .* received one from \(92, 80, 1\) to \(7,\)"):
        Run.open(run.path).model()
    assert len(verify_run(run.path, deep=True)) == 1
