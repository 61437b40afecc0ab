import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.runs import run as run_module
from fat2019.runs.run import Run
from tests.run_folders import make_run


def test_a_run_killed_at_six_places_ends_as_one_left_in_peace(store, tmp_path):
    program = [sys.executable, "-m", "tests.interrupted_training", str(store.path), str(tmp_path)]
    done = subprocess.run(program, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["exits"] == [0, 0]
    # In both stages, and between them: the kills were where they were meant to be.
    assert report["killed_at"][0] == [0, 0]
    assert report["killed_at"] == sorted(report["killed_at"])
    assert [1, 0] in report["killed_at"] and report["killed_at"][-1] >= [1, 4]

    whole, killed = Run.open(tmp_path / "in-peace"), Run.open(tmp_path / "killed")
    assert files(whole) == files(killed)
    assert without_time(whole) == without_time(killed)
    assert len(whole.history()) == 10
    for path in ("stage-1.keras", "model.keras"):
        weights = [keras_weights(run.path / path) for run in (whole, killed)]
        assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def files(run):
    return sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*") if "tfevents" not in path.name)


def without_time(run):
    metrics = {name: value for name, value in run.metrics.items() if name not in ("seconds", "cpu_seconds")}
    return (run.history().drop(columns="seconds").to_dict("list"), metrics, (run.path / "split.csv").read_text())


def keras_weights(path):
    import keras

    return keras.models.load_model(path, compile=False).get_weights()


@pytest.fixture
def run(store, tmp_path):
    return make_run(tmp_path / "run", store, validation=(0, 3, 5))


@pytest.mark.parametrize("name", [None, -0.5, True, {}, ["Bark"]])
def test_a_vocabulary_of_other_than_names_is_refused(run, name):
    config = json.loads((run.path / "config.json").read_text())
    config["vocabulary"][1] = name
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config\.json: the vocabulary is not a list of names"):
        Run.open(run.path)


def test_an_opened_run_knows_its_network_vocabulary_and_features(run, store):
    opened = Run.open(run.path)
    assert opened.vocabulary == store.vocabulary and opened.features == store.config
    assert opened.model().output_shape == (None, 5)
    assert opened.store().path == store.path


def test_the_summary_is_that_of_the_best_epoch_of_the_last_stage(run):
    rows = [
        "1,1,0.5,0.9,0.5,0.95,1.0",
        "2,1,0.5,0.31,0.5,0.21,1.0",
        "2,2,0.5,0.32,0.5,0.25,1.0",
        "2,3,0.5,0.33,0.5,0.25,1.0",
    ]
    (run.path / "history.csv").write_text(
        "\n".join(["stage,epoch,loss,lwlrap,val_loss,val_lwlrap,seconds", *rows]) + "\n"
    )
    assert run.summary() == {
        "parameters": 100,
        "trainable": 90,
        "epochs": 2,
        "seconds": 12.0,
        "train": 0.32,
        "validation": 0.25,
        "validation_tiled": 0.25,
    }


def test_the_history_is_read_with_all_its_digits(run):
    value = 0.30000000000000004
    (run.path / "history.csv").write_text(f"stage,epoch,val_lwlrap\n1,1,{value!r}\n")
    assert run.history()["val_lwlrap"][0] == value


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", r"no config\.json"),
        ("model.keras", "no epoch of this run is finished"),
        (".", "no such run folder"),
    ],
)
def test_a_folder_that_lacks_a_part_of_a_run_is_refused(run, file, message):
    path = run.path / file
    path.unlink() if file != "." else run.path.rename(run.path.with_name("elsewhere"))
    with pytest.raises(DataError, match=message):
        Run.open(run.path)


def test_a_network_that_cannot_be_read_is_told_by_what_the_file_is(run):
    network = run.path / "model.keras"
    for content, reason in (
        (network.read_bytes()[:100], "cut short"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"", "empty"),
    ):
        network.write_bytes(content)
        with pytest.raises(DataError, match=rf"model\.keras: this .*{reason}"):
            run.model()


def test_a_store_of_other_classes_or_other_features_is_refused(run, store, open_store, tmp_path):
    other = make_run(tmp_path / "other", store, vocabulary=["A", "B"])
    with pytest.raises(DataError, match=r"vocabulary \(5 classes\) is not that of the run .* \(2 classes\)"):
        other.store()
    with pytest.raises(DataError, match="other settings"):
        run.store(open_store("float32").path)


def test_curated_clips_are_the_ones_held_out_if_there_are_any(store, tmp_path):
    noisy = make_run(tmp_path / "noisy", store, validation=(18, 20), split="noisy")
    assert noisy.held_out() == ("noisy", {store.clips["fname"][18], store.clips["fname"][20]})
    with (noisy.path / "split.csv").open("a") as file:
        file.write("x.wav,curated,validation\ny.wav,curated,train\n")
    assert noisy.held_out() == ("curated", {"x.wav"})


def test_a_run_that_is_not_finished_says_so_when_it_is_opened(store, tmp_path, caplog):
    run = make_run(tmp_path / "run", store)
    Run.open(run.path)
    assert not caplog.messages
    (run.path / "metrics.json").unlink()
    Run.open(run.path)
    assert "this run is not finished" in caplog.text


def test_a_store_that_was_moved_is_given_by_an_option(store, tmp_path):
    run = make_run(tmp_path / "run", store)
    run.config["store"] = str(tmp_path / "gone")
    with pytest.raises(DataError, match=r"gone: the store that .* no longer exists; give its new path by --fea"):
        run.store()
    assert run.store(store.path).path == store.path


def test_a_link_in_the_place_of_a_log_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "log.txt").symlink_to(victim)
    with pytest.raises(DataError, match="a link, where a run's log is expected"), run_module.log_file(tmp_path):
        pass
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("file", ["split.csv", "history.csv"])
def test_a_fifo_in_the_place_of_a_table_is_no_file_to_wait_for(run, file):
    (run.path / file).unlink()
    os.mkfifo(run.path / file)
    with pytest.raises(DataError, match=rf"{file}: a FIFO, where a file is expected"):
        run.partition() if file == "split.csv" else run.history()


@pytest.mark.parametrize(
    "content", ["", "fname\n\x00", "fname,split,part\na,b,c,d\n", "\xff", "fname,split,part\na,b,both\n"]
)
def test_whatever_stands_in_a_table_of_a_run_there_is_one_line(run, content):
    (run.path / "split.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError) as refused:
        run.held_out()
    assert "\n" not in str(refused.value)
