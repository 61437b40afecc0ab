"""A run's statement of its files: what is found, and what may be changed."""

import json
import random
import shutil

import numpy as np
import pytest

from fat2019.errors import DataError, OtherVersion
from fat2019.runs.run import Run
from fat2019.runs.verify import verify_run
from tests.run_folders import as_version_0_1, make_run

SMALL = ("config.json", "split.csv", "history.csv", "metrics.json", "checksums.json")


@pytest.fixture(scope="module")
def original(store, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", store, validation=(0, 3, 5), stated=True)


@pytest.fixture
def run(original, tmp_path):
    shutil.copytree(original.path, tmp_path / "run")
    return Run.open(tmp_path / "run")


def edit(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


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


@pytest.mark.parametrize("file", SMALL)
def test_whatever_byte_is_flipped_in_a_small_file_is_found_or_changes_nothing(run, file):
    chance, content = random.Random(file), (run.path / file).read_bytes()
    before = state(run)
    for _ in range(60):
        place, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        flipped = bytearray(content)
        flipped[place] ^= bit
        (run.path / file).write_bytes(flipped)
        try:
            assert state(Run.open(run.path)) == before
        except DataError as error:
            assert "\n" not in str(error)


def state(run):
    return run.vocabulary, run.features, run.metrics, run.history().to_dict("list"), run.held_out()


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


def test_a_sound_run_has_nothing_wrong(run):
    assert verify_run(run.path, deep=True) == []


def test_a_run_of_version_0_1_opens_and_says_so_to_those_who_ask(run, caplog):
    as_version_0_1(run.path)
    with caplog.at_level("DEBUG", "fat2019"):
        opened = Run.open(run.path)
    assert "stated no checksums" in caplog.text
    assert not opened.checksums and not opened.has_graph and opened.model()


def test_a_run_of_a_later_version_is_no_damage(run):
    edit(run.path / "config.json", '"format": 2', '"format": 3')
    with pytest.raises(OtherVersion, match="a run of format 3; this version of fat2019 reads up to 2"):
        Run.open(run.path)


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


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100_000, '{"train": 1}', '{"vocabulary": 5}'])
def test_whatever_stands_in_a_configuration_there_is_one_line(run, content):
    (run.path / "config.json").write_text(content)
    with pytest.raises(DataError) as refused:
        Run.open(run.path)
    assert "\n" not in str(refused.value)
