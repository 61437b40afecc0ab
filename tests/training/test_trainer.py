import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError
from fat2019.runs.identity import onednn
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap
from fat2019.store.reader import FeatureStore
from fat2019.store.shards import CHANGED, REPAIR
from fat2019.training import trainer as training
from fat2019.training.cleaning import judged, read_judged
from fat2019.training.partition import Partition
from fat2019.training.trainer import train, train_folds
from tests.interrupted_training import tiny_network
from tests.short_training import SMALL, TWO_STAGES, one_stage

STREAMED = one_stage(epochs=20, feed=dataclasses.replace(SMALL, reader="stream"))


def test_the_folder_of_a_finished_run_holds_what_its_documentation_says(finished):
    run, rows, _ = finished
    assert sorted(path.name for path in run.path.iterdir()) == [
        "checksums.json",
        "config.json",
        "history.csv",
        "log.txt",
        "logs",
        "metrics.json",
        "model.keras",
        "network.tflite",
        "split.csv",
        "stage-1.keras",
    ]
    assert [(row["stage"], row["epoch"]) for row in rows] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert run.history().to_dict("records") == rows
    assert list(rows[0]) == ["stage", "epoch", "loss", "lwlrap", "val_loss", "val_lwlrap", "seconds"]
    assert run.metrics["epochs"] == 5 and run.metrics["seconds"] > 0
    assert run.metrics["parameters"]["total"] == sum(
        run.metrics["parameters"][part] for part in ("trainable", "frozen")
    )


def test_tensorboard_has_the_curves_of_each_stage(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = finished[0]
    for stage, epochs in ((1, 2), (2, 3)):
        for part in ("train", "validation"):
            events = EventAccumulator(str(run.path / "logs" / f"stage-{stage}" / part), size_guidance={"tensors": 0})
            assert "epoch_lwlrap" in events.Reload().Tags()["tensors"]
            assert len(events.Tensors("epoch_lwlrap")) == epochs


def test_the_configuration_is_written_down_with_versions_and_features(finished, store):
    config = finished[0].config
    assert config["train"] == TWO_STAGES.to_plain()
    assert config["features"]["digest"] == store.config.digest()
    assert config["vocabulary"] == list(store.vocabulary.names)
    assert config["versions"]["keras"] == keras.__version__


def test_the_log_says_whether_onednn_is_on_and_what_is_trained(finished):
    assert f"oneDNN: {onednn()}" in finished[2]
    assert "stage 2 of 2: simple, 149 parameters (117 trained, 32 frozen)" in finished[2]


@pytest.mark.parametrize(("setting", "expected"), [("1", "on"), ("0", "off"), (None, "as TensorFlow decides")])
def test_onednn_is_described_by_its_variable(monkeypatch, setting, expected):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if setting is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", setting)
    assert onednn() == expected


@pytest.mark.parametrize(("before", "expected"), [(None, "1"), ("0", "0")])
def test_onednn_is_switched_on_unless_the_user_has_decided(before, expected):
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    if before:
        environment["TF_ENABLE_ONEDNN_OPTS"] = before
    program = "import os, fat2019; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_every_labelled_clip_is_trained_on_or_held_out_and_never_both(finished, store):
    import pandas as pd

    table = pd.read_csv(finished[0].path / "split.csv")
    index = {fname: row for row, fname in enumerate(store.clips["fname"])}
    for fname, labels in zip(table["fname"], table["labels"], strict=True):
        assert store.vocabulary.decode(store.labels[index[fname]]) == tuple(labels.split(","))
    assert sorted(table["fname"]) == sorted(store.clips["fname"][store.clips["split"] != "test"])
    assert set(zip(table["split"], table["part"], strict=True)) == {
        (split, part) for split in ("curated", "noisy") for part in ("train", "validation")
    }


def test_the_kept_network_is_that_of_the_best_epoch_and_scored_on_all_windows(finished, store):
    run, rows, _ = finished
    fnames = run.held_out()[1]
    clips = np.flatnonzero(store.clips["fname"].isin(fnames))
    loudest = lwlrap(store.labels[clips], score_clips(run.model(), store, clips, windows="max-energy"))
    assert loudest == pytest.approx(max(row["val_lwlrap"] for row in rows if row["stage"] == 2))
    tiled = lwlrap(store.labels[clips], score_clips(run.model(), store, clips))
    assert run.metrics["validation"]["lwlrap"] == pytest.approx(tiled)
    assert run.metrics["validation"]["clips"] == len(clips) and run.metrics["validation"]["split"] == "curated"


def test_with_folds_each_clip_is_held_out_by_one_of_the_runs(store):
    configs = [dataclasses.replace(one_stage(), folds=3, fold=fold) for fold in (1, 2, 3)]
    parts = [Partition.of(store, config) for config in configs]
    held_out = np.sort(np.concatenate([part.validation["curated"] for part in parts]))
    np.testing.assert_array_equal(held_out, np.flatnonzero(store.clips["split"] == "curated"))
    assert all(not set(part.validation["curated"]) & set(part.train["curated"]) for part in parts)


JUDGED = TrainConfig(
    ModelConfig(weights="none"),
    (Stage(epochs=1, feed=SMALL), Stage(("curated", "noisy"), epochs=1, feed=SMALL, judge_noisy=True)),
)


def test_a_stage_that_judges_trains_towards_what_the_network_before_it_hears(store, tmp_path, monkeypatch):
    seen = []

    class Watched(training.TrainingFeed):
        def __init__(self, store, clips, config, labels):
            seen.append((clips, labels))
            super().__init__(store, clips, config, labels)

    monkeypatch.setattr(training, "build", tiny_network)
    monkeypatch.setattr(training, "TrainingFeed", Watched)
    run = train(store, JUDGED, tmp_path / "run")
    before = keras.models.load_model(run.path / "stage-1.keras", compile=False)
    noisy = np.flatnonzero(store.clips["split"] == "noisy")
    table = judged(store, noisy, score_clips(before, store, noisy))
    written = pd.read_csv(run.path / "judged-2.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(written, table)
    labels, left_out = read_judged(run.path / "judged-2.csv", store)
    clips, trained_towards = seen[1]
    assert set(noisy[~left_out[noisy]]) == set(clips) & set(noisy)
    np.testing.assert_array_equal(trained_towards, labels[clips])
    assert not np.array_equal(trained_towards, store.labels[clips]) or left_out.any()
    curated = store.clips["split"].to_numpy()[clips] == "curated"
    np.testing.assert_array_equal(trained_towards[curated], store.labels[clips[curated]])


def test_folds_are_runs_of_their_own(store, tmp_path):
    runs = train_folds(store, dataclasses.replace(one_stage(), folds=2), tmp_path)
    assert [run.path.name for run in runs] == ["fold-1", "fold-2"]
    assert runs[0].held_out()[1] | runs[1].held_out()[1] == set(store.clips["fname"][store.clips["split"] == "curated"])


def test_clips_that_are_only_validated_on_may_be_of_the_other_part(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    run = train(store, one_stage(splits=("noisy",), validate_on="noisy"), tmp_path / "run")
    assert set(pd.read_csv(run.path / "split.csv")["split"]) == {"noisy"} == {run.held_out()[0]}


@pytest.mark.usefixtures("tiny")
def test_a_shard_damaged_before_a_training_that_streams_ends_it_in_one_line(store, tmp_path):
    copy = FeatureStore.open(shutil.copytree(store.path, tmp_path / "store"))
    path = copy.log_mel_files()[0].path
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        train(copy, STREAMED, tmp_path / "run")
    assert str(caught.value) == f"{path}: damaged: a record does not match its checksum: {REPAIR}"


@pytest.mark.usefixtures("tiny")
def test_a_shard_replaced_during_a_training_that_streams_ends_it_in_one_line(store, tmp_path):
    copy = FeatureStore.open(shutil.copytree(store.path, tmp_path / "store"))
    file, other = copy.log_mel_files()[:2]
    with pytest.raises(DataError) as caught:
        train(copy, STREAMED, tmp_path / "run", lambda _: shutil.copyfile(other.path, file.path))
    assert str(caught.value) == f"{file.path}: {CHANGED}"


@pytest.mark.usefixtures("tiny")
def test_half_precision_and_compilation_train_and_leave_the_precision_as_it_was(store, tmp_path):
    # One batch holds all clips: another size would be compiled as well.
    run = train(store, one_stage(precision="mixed_bfloat16", jit=True, feed=FeedConfig()), tmp_path / "run")
    assert np.isfinite(run.history()["loss"]).all()
    computes_in = {type(layer).__name__: layer.compute_dtype for layer in run.model().layers}
    assert computes_in["BatchNormalization"] == "bfloat16"
    assert keras.mixed_precision.dtype_policy().name == "float32"


def test_the_cosine_schedule_warms_up_to_the_rate_and_ends_at_zero():
    rate = training._learning_rate(Stage(epochs=10, learning_rate=0.5, schedule="cosine"), steps_per_epoch=20)
    rates = np.array([float(rate(step)) for step in range(201)])
    assert rates[0] == 0 and rates[10] == pytest.approx(0.5) and rates.argmax() == 10  # 5% of 200 steps
    assert rates[105] == pytest.approx(0.25) and rates[200] == pytest.approx(0, abs=1e-6)
    assert training._learning_rate(Stage(learning_rate=0.5), 20) == 0.5


def test_a_share_of_the_clips_is_a_part_of_them_and_validation_stays_whole(store):
    whole, part = (Partition.of(store, one_stage(splits=("curated", "noisy"), clip_share=share)) for share in (1, 0.5))
    for split, clips in part.train.items():
        assert len(clips) == round(len(whole.train[split]) / 2) and set(clips) < set(whole.train[split])
    assert np.array_equal(part.validation["curated"], whole.validation["curated"])
    again = Partition.of(store, one_stage(splits=("curated", "noisy"), clip_share=0.5))
    other = Partition.of(store, one_stage(splits=("curated", "noisy"), clip_share=0.5, seed=1))
    assert np.array_equal(part.train["noisy"], again.train["noisy"])
    assert not np.array_equal(part.train["noisy"], other.train["noisy"])


def test_at_least_one_clip_is_trained_on(store):
    assert len(Partition.of(store, one_stage(clip_share=1e-6)).train["curated"]) == 1


def test_splits_that_the_store_lacks_are_refused(store, tmp_path, monkeypatch):
    monkeypatch.setitem(vars(store), "clips", store.clips.assign(split="curated"))
    with pytest.raises(DataError, match="no noisy clips"):
        train(store, one_stage(splits=("noisy",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()  # else it would refuse the corrected command


def test_more_devices_than_there_are_cannot_be_had(store, tmp_path):
    with pytest.raises(DataError, match="devices: expected at most 1"):
        train(store, one_stage(devices=2), tmp_path / "run")


@pytest.mark.parametrize(
    ("windows", "devices", "expected"),
    [(6, 2, [0, 1, 2, 3, 4, 5]), (5, 2, [0, 1, 2, 3]), (7, 4, [0, 1, 2, 3]), (1, 2, [0, 0]), (2, 3, [0, 1, 0])],
)
def test_every_device_gets_as_many_windows(windows, devices, expected):
    images, labels = training._even((np.arange(windows), np.arange(windows) * 10), devices)
    assert images.numpy().tolist() == expected and (labels.numpy() == images.numpy() * 10).all()


DEVICES = """
import sys
import numpy as np
import tensorflow as tf
from fat2019.training import trainer as training
from tests.interrupted_training import tiny_network
training.build = lambda config, *shape: tiny_network(config, *shape, dropout=config.dropout)
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from pathlib import Path
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.training.cleaning import judged, read_judged
from fat2019.store.reader import FeatureStore
from fat2019.config.training import Stage, TrainConfig
from fat2019.training.trainer import train
store, out = FeatureStore.open(sys.argv[1]), Path(sys.argv[2])
for devices in (1, 2):
    # Dropout is off: each device draws its own. 14 noisy clips make batches of 8 and 6.
    config = TrainConfig(ModelConfig(dropout=0.0), (Stage(("noisy",), epochs=1, feed=FeedConfig(batch_windows=8)),),
                         devices=devices)
    train(store, config, out / str(devices))
"""


def test_two_devices_have_the_losses_of_one(store, tmp_path):
    from fat2019.runs.run import Run

    subprocess.run(
        [sys.executable, "-c", DEVICES, str(store.path), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    one, two = (Run.open(tmp_path / name).history() for name in "12")
    assert one["loss"].between(0.1, 2).all()
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-4)
    np.testing.assert_allclose(two["val_loss"], one["val_loss"], rtol=1e-4)
    np.testing.assert_allclose(two["lwlrap"], one["lwlrap"], rtol=1e-6)


def test_weights_that_are_not_there_are_told_before_a_folder_is_made(store, tmp_path):
    config = TrainConfig(ModelConfig("mobilenetv2", weights=str(tmp_path / "missing.weights.h5")))
    with pytest.raises(DataError, match="no such weights file"):
        train(store, config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_store_of_other_features_is_refused_before_a_folder_is_made(store, tmp_path):
    with pytest.raises(DataError, match="build-features --config yamnet"):
        train(store, TrainConfig(ModelConfig("yamnet", weights="none")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_clips_held_out_that_sound_like_one_trained_on_are_told_unless_groups_are_known(store, monkeypatch, caplog):
    partition = Partition({"curated": np.array([0, 1])}, {"curated": np.array([2])})
    asked = []
    monkeypatch.setattr(training, "near_copies", lambda *clips: asked.append(clips) or [(2, 0)])
    training._say_near_copies(store, partition)
    [(_, held_out, trained)] = asked
    test = np.flatnonzero(store.clips["split"] == "test")
    assert held_out.tolist() == [2, *test] and trained.tolist() == [0, 1]
    assert "1 clip of validation and test sounds like one trained on" in caplog.text
    monkeypatch.setitem(store.clips, "group", ["same"] * len(store.clips))
    training._say_near_copies(store, partition)
    assert len(asked) == 1
