"""A probe is scikit-learn's logistic regression on the mean embeddings of the store."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from fat2019.config.model import ModelConfig
from fat2019.config.recipes import PROBE, configure
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from fat2019.training.trainer import train
from tests.oracles import yamnet as oracle


@pytest.fixture(scope="module")
def store(open_store, tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "store"
    shutil.copytree(open_store("float16", "yamnet").path, path)
    return FeatureStore.open(path)


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    oracle.write_as_google_does(folder / "yamnet.h5", oracle.random_weights(np.random.default_rng(3)))
    weights = dataclasses.replace(PROBE.model, weights=str(folder / "yamnet.h5"))
    return train(store, dataclasses.replace(PROBE, model=weights), folder / "run")


def test_its_scores_are_the_regressions_on_the_stored_means(run, store):
    rows = {fname: row for row, fname in enumerate(store.clips["fname"])}
    split = pd.read_csv(run.path / "split.csv")
    clips = [rows[fname] for fname in split["fname"][split["part"] == "train"]]
    embeddings = store.embeddings("yamnet")
    means = np.stack([embeddings[clip].astype(np.float32).mean(axis=0) for clip in range(len(store.clips))])
    layer = run.model().get_layer("scores")
    kernel, bias = layer.get_weights()
    checked = 0
    for index, truth in enumerate(store.labels[clips].T):
        if not truth.any():
            assert not kernel[:, index].any() and bias[index] == -10
            continue
        expected = LogisticRegression(C=1, max_iter=1000).fit(means[clips], truth).decision_function(means)
        np.testing.assert_allclose(means @ kernel[:, index] + bias[index], expected, atol=1e-3)
        checked += 1
    assert checked > 2


def test_it_is_a_run_of_one_epoch_and_its_store_stays_sound(run, store):
    assert (run.metrics["epochs"], len(run.history())) == (1, 1)
    assert verify(store.path, deep=True) == []


def test_what_it_cannot_fit_is_refused_before_anything_is_made():
    for options in (
        {"head": "stages"},
        {"epochs": 2},
        {"trainable": "top"},
        {"mixup_alpha": 0.2},
        {"level_windows": True},
        {"name": "compact"},
    ):
        with pytest.raises(DataError):
            configure("probe", options)
    with pytest.raises(DataError, match=r"lbfgs fits the head linear of a frozen yamnet.*--recipe probe"):
        dataclasses.replace(PROBE, model=ModelConfig("yamnet", "linear", known_classes=0.1))
