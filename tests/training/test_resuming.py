"""What a run resumes from, and with what it refuses to."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from fat2019.augmentations.mixup import MixUp
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.training import trainer as training
from fat2019.training.adoption import adopt_stages
from fat2019.training.trainer import train
from fat2019.utils.lock import run_lock
from tests.interrupted_training import tiny_network
from tests.run_folders import as_version_0_1
from tests.short_training import SMALL, TWO_STAGES, one_stage


def test_a_finished_run_is_not_trained_again(finished, store):
    rows = []
    again = train(store, TWO_STAGES, finished[0].path, rows.append)
    assert rows == [] and again.metrics == finished[0].metrics


def test_other_options_for_a_run_that_is_there_are_refused_by_name(finished, store):
    changed = dataclasses.replace(
        TWO_STAGES, seed=1, stages=(TWO_STAGES.stages[0], dataclasses.replace(TWO_STAGES.stages[1], learning_rate=1e-3))
    )
    with pytest.raises(
        DataError, match=r"train\.seed 0 instead of 1, train\.stages\[1\]\.learning_rate 0\.01 instead of"
    ):
        train(store, changed, finished[0].path)


def test_a_run_of_an_older_version_is_gone_on_with_as_if_it_had_the_fields_of_today(finished, store, tmp_path):
    shutil.copytree(finished[0].path, tmp_path / "run")
    config = as_version_0_1(tmp_path / "run")
    for part, names in (
        (config["train"]["model"], ("width", "pooling")),
        (config["train"]["stages"][0], ("loss", "keep", "weight_decay")),
        (config["train"]["stages"][0]["feed"], ("augmentations", "noisy_weight")),
    ):
        for name in names:
            del part[name]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert train(store, TWO_STAGES, tmp_path / "run").metrics == finished[0].metrics
    other = dataclasses.replace(TWO_STAGES.stages[0], keep="last")
    with pytest.raises(DataError, match=r"stages\[0\]\.keep 'best' instead of 'last'"):
        train(store, dataclasses.replace(TWO_STAGES, stages=(other, TWO_STAGES.stages[1])), tmp_path / "run")


def test_a_run_goes_on_with_the_clips_that_it_began_with_only(finished, store, tmp_path):
    shutil.copytree(finished[0].path, tmp_path / "run")
    with (tmp_path / "run" / "split.csv").open("a") as file:
        file.write("since-removed.wav,curated,train\n")
    for _ in ("finished", "to go on with"):
        with pytest.raises(DataError, match=r"split.csv: the clips of .* or their labels have changed"):
            train(store, TWO_STAGES, tmp_path / "run")
        (tmp_path / "run" / "metrics.json").unlink(missing_ok=True)


def test_a_run_goes_on_with_the_recordings_that_it_began_with_only(finished, store, tmp_path):
    shutil.copytree(finished[0].path, tmp_path / "run")
    first, *others = store.manifest.shards
    other_sound = dataclasses.replace(first, key="0" * 64)  # as after a recording was replaced and the store built anew
    changed = FeatureStore(store.path, dataclasses.replace(store.manifest, shards=(other_sound, *others)))
    adopt_stages(tmp_path / "next", changed, TWO_STAGES, [tmp_path / "run"])
    assert not (tmp_path / "next").exists()
    for _ in ("finished", "to go on with"):
        with pytest.raises(DataError, match=r"run: recordings of .* have changed since this run began"):
            train(changed, TWO_STAGES, tmp_path / "run")
        (tmp_path / "run" / "metrics.json").unlink(missing_ok=True)


def test_a_run_goes_on_by_the_reader_that_it_began_with(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    config = one_stage(epochs=2, feed=dataclasses.replace(SMALL, augmentations=(MixUp(0.4),)))

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(store, config, tmp_path / "stopped", stop)
    assert json.loads((tmp_path / "stopped" / "state" / "state.json").read_text())["reader"] == "memory"
    monkeypatch.setattr("fat2019.feed.training._SHARE_OF_FREE_MEMORY", 0.0)  # from now on features are streamed
    stopped = train(store, config, tmp_path / "stopped")
    streamed = train(store, config, tmp_path / "streamed")
    monkeypatch.undo()
    monkeypatch.setattr(training, "build", tiny_network)
    in_one_go = train(store, config, tmp_path / "in one go")
    assert stopped.history()["loss"].equals(in_one_go.history()["loss"])
    assert not streamed.history()["loss"].equals(in_one_go.history()["loss"])


def test_recordings_of_a_part_that_a_run_does_not_use_may_change(finished, store, monkeypatch):
    *others, last = store.manifest.shards
    assert last.split == "test"
    # Copies are told by their audio, which is not there under another key.
    monkeypatch.setattr("fat2019.training.partition.copy_of", lambda store: np.arange(len(store.clips)))
    shards = (*others, dataclasses.replace(last, key="0" * 64))
    changed = FeatureStore(store.path, dataclasses.replace(store.manifest, shards=shards))
    assert train(changed, TWO_STAGES, finished[0].path).metrics == finished[0].metrics


def test_a_run_of_a_version_that_did_not_write_down_its_recordings_is_given_back(finished, store, tmp_path):
    shutil.copytree(finished[0].path, tmp_path / "run")
    config = as_version_0_1(tmp_path / "run")
    del config["sounds_sha256"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert train(store, TWO_STAGES, tmp_path / "run").metrics == finished[0].metrics


def test_a_folder_is_trained_in_by_one_training_at_a_time(store, tmp_path):
    (tmp_path / "run").mkdir()
    with (
        run_lock(tmp_path / "run"),
        pytest.raises(DataError, match=rf"run: process {os.getpid()} on .* is training in this folder: wait for it"),
    ):
        train(store, TWO_STAGES, tmp_path / "run")
    assert not any((tmp_path / "run").iterdir())
