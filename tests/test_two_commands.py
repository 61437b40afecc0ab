"""From sounds to tags in two commands: a folder of class folders, and every data set that is known by name."""

import csv
import json
import logging

import pytest
from click.testing import CliRunner

import fat2019.cli.train
import fat2019.experiments.choice
from fat2019.cli import main
from fat2019.training import trainer as training
from tests import mock_data_sets as mocks
from tests.interrupted_training import tiny_network


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Commands given in an empty folder, with a network that is prepared in little time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "fat2019.store.building.builder.os.cpu_count", lambda: 1
    )  # a build without processes of its own
    monkeypatch.setattr(training, "build", tiny_network)
    monkeypatch.setattr(fat2019.experiments.choice, "has_yamnet_weights", lambda: False)

    def given(*words):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
        return result

    return given


HALF = ["--validation-share", "0.5"]  # of two clips a class

# By data set: options beside those of all, where the second command finds new files, and what is held out, of what.
DATA_SETS = {
    "esc50": (["--validate-on-fold", "1"], "audio", lambda fname: fname.startswith("1-"), 20),
    "urbansound8k": (["--validate-on-fold", "10"], "audio/fold10", lambda fname: fname.startswith("1000"), 40),
    "fsd50k": ([], "FSD50K.eval_audio", lambda fname: fname in ("21914.wav", "7.wav"), 4),
    "fsdkaggle2018": (HALF, "FSDKaggle2018.audio_test", None, 4),
    "audiofolder": (HALF, "test", None, 4),
    "kaggle": (HALF, "test", None, 4),
    "zenodo": (HALF, "FSDKaggle2019.audio_test", None, 4),
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_data_set_leads_to_tags_by_its_own_split(command, tmp_path, monkeypatch, name):
    monkeypatch.setattr(fat2019.cli.train, "_page_of", lambda run: run)  # drawing it takes as long as all the rest
    options, more, held_out, clips = DATA_SETS[name]
    getattr(mocks, name)(tmp_path / name)
    command("train", name, "--model", "simple", "--epochs", "1", *options)
    tagged = json.loads(command("tag", f"runs/{name}-simple", f"{name}/{more}", "--json").stdout)

    rows = list(csv.DictReader((tmp_path / f"runs/{name}-simple/split.csv").read_text().splitlines()))
    parts = {row["fname"]: row["part"] for row in rows}
    assert len(parts) == clips and set(parts.values()) == {"train", "validation"}
    if held_out:
        assert {fname for fname, part in parts.items() if part == "validation"} == set(filter(held_out, parts))
    assert {row["split"] for row in rows} == {"curated"}  # neither test clips nor labels that are trusted less
    assert tagged["files"] and not tagged["not_tagged"]
    assert {tag["label"] for tag in tagged["files"][0]["tags"]} == _classes(tmp_path / f"features/{name}")


def test_a_folder_of_class_folders_leads_to_tags_of_new_files(command, tmp_path, caplog):
    mocks.folders(tmp_path / "sounds", clips=8)
    mocks.write_audio(tmp_path / "more/new.ogg", seed=3)
    with caplog.at_level(logging.INFO, "fat2019"):
        trained = command("train", "sounds", "--epochs", "1")
    tagged = command("tag", "runs/sounds-best", "more/")

    assert "sounds: layout folders, 16 clips" in caplog.text  # the layout that was found
    assert "recipe best: " in caplog.text and "not transfer, since" in caplog.text
    assert "next: fat2019 tag runs/sounds-best FILE..." in trained.stdout
    assert (tmp_path / "runs/sounds-best/report.html").stat().st_size > 10_000
    labels = [line.split("\t")[:2] for line in tagged.stdout.splitlines()]
    assert sorted(labels) == [["more/new.ogg", "bark"], ["more/new.ogg", "meow"]]


def _classes(store):
    from fat2019.store.reader import FeatureStore

    return set(FeatureStore.open(store).vocabulary.names)
