"""A run that begins with the weights of another one."""

import dataclasses
import json

import numpy as np
import pytest

from fat2019.config.features import NAMED
from fat2019.config.model import ModelConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.models.networks import build
from fat2019.runs.run import Run
from fat2019.store.reader import FeatureStore
from fat2019.training.initial import require_init, take_over_weights
from fat2019.training.trainer import _new_model, train
from tests.short_training import one_stage


@pytest.fixture(scope="module")
def start(store, tmp_path_factory):
    """A run of other classes, whose first stage has seen one epoch."""
    path = tmp_path_factory.mktemp("start") / "run"
    names = (*store.vocabulary.names, "One more")
    header = dataclasses.replace(store.manifest.header, vocabulary=Vocabulary(names))
    return train(FeatureStore(store.path, dataclasses.replace(store.manifest, header=header)), one_stage(), path)


@pytest.fixture
def config(start):
    return dataclasses.replace(one_stage(epochs=3), init=str(start.path))


def test_all_layers_but_the_scores_are_those_of_the_other_run_before_the_first_step(store, start, config):
    *ours, scores = [layer for layer in _new_model(store, config).layers if layer.weights]
    *theirs, their_scores = [layer for layer in start.model().layers if layer.weights]
    assert len(ours) == len(theirs) > 2
    for layer, other in zip(ours, theirs, strict=True):
        for weights, expected in zip(layer.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(weights, expected)
    assert (scores.units, their_scores.units) == (len(store.vocabulary), len(store.vocabulary) + 1)


def test_an_interrupted_run_with_a_start_ends_as_the_unbroken_one_even_without_it(store, start, config, tmp_path):
    def stop(row):
        raise KeyboardInterrupt

    unbroken = train(store, config, tmp_path / "unbroken")
    assert unbroken.config["train"]["init"] == str(start.path)
    assert unbroken.config["init_sha256"] == start.checksums["model.keras"][0]
    with pytest.raises(KeyboardInterrupt):
        train(store, config, tmp_path / "stopped", stop)
    away = start.path.rename(start.path.with_name("away"))
    try:
        resumed = train(store, config, tmp_path / "stopped")
    finally:
        away.rename(start.path)
    for column in ("loss", "lwlrap", "val_loss", "val_lwlrap"):
        assert resumed.history()[column].equals(unbroken.history()[column])


def test_a_run_that_was_trained_further_is_another_start(store, start, config, tmp_path):
    train(store, config, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    train(store, config, tmp_path / "run")  # the same one
    other = train(store, dataclasses.replace(one_stage(), seed=1), tmp_path / "other")
    start_model = (start.path / "model.keras").read_bytes()
    (start.path / "model.keras").write_bytes((other.path / "model.keras").read_bytes())
    try:
        with pytest.raises(DataError, match=r"init_sha256 '.*' instead of '.*'"):
            train(store, config, tmp_path / "run")
    finally:
        (start.path / "model.keras").write_bytes(start_model)
    assert json.loads(path.read_text())["init_sha256"]


def test_what_does_not_fit_is_told_in_one_line_before_a_folder_is_made(store, config, tmp_path):
    header = dataclasses.replace(store.manifest.header, config=NAMED["wide"])
    wide = FeatureStore(store.path, dataclasses.replace(store.manifest, header=header))
    for other, there, words in (
        (dataclasses.replace(config, model=ModelConfig("compact", weights="none")), store, "name 'simple' instead of"),
        (dataclasses.replace(config, model=ModelConfig(weights="none", kernel_size=5)), store, "kernel_size 3 instead"),
        (config, wide, "features: sample_rate_hz 16000 instead of 32000"),
        (dataclasses.replace(config, init="nowhere"), store, "nowhere: no such run folder"),
    ):
        with pytest.raises(DataError) as caught:
            train(there, other, tmp_path / "run")
        assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_how_a_network_is_trained_may_differ(store, config):
    features = dataclasses.replace(store.config, dtype="float32")
    other = dataclasses.replace(config, model=ModelConfig(dropout=0.1, trainable="all"))
    assert other.model != config.model
    require_init(other, features)  # which raises where they may not


def test_layers_of_other_shapes_are_refused(store, start):
    model = build(ModelConfig(weights="none", kernel_size=5), 5, (92, 80))
    with pytest.raises(DataError, match="its layers have other shapes than those of simple"):
        take_over_weights(model, Run.open(start.path))
