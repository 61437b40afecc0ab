"""YAMNet: random weights in Google's layout against a network written from its definition."""

import hashlib
import re

import keras
import numpy as np
import pytest

from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.models.backbones import yamnet
from fat2019.models.networks import build, parameter_counts
from tests.oracles import yamnet as oracle


@pytest.fixture(scope="module")
def network(yamnet_weights):
    model = yamnet.build_with_scores()
    yamnet.load_with_scores(model, yamnet_weights)
    return model


def patches(frames=96, count=3):
    return np.random.default_rng(1).normal(-3, 2, (count, frames, 64)).astype(np.float32)


def test_embeddings_and_scores_are_those_of_the_definition(network, yamnet_arrays):
    embedding, scores = network(patches()[..., None], training=False)
    expected, expected_scores = oracle.embedding_and_scores(patches(), yamnet_arrays)
    assert np.shape(embedding) == (3, yamnet.EMBEDDING)
    assert np.shape(scores) == (3, yamnet.CLASSES)
    np.testing.assert_allclose(embedding, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-4)


@pytest.mark.parametrize("frames", [64, 200])
def test_patches_of_any_length_are_one_pass(network, yamnet_arrays, frames):
    embedding, _ = network(patches(frames)[..., None], training=False)
    expected, _ = oracle.embedding_and_scores(patches(frames), yamnet_arrays)
    np.testing.assert_allclose(embedding, expected, rtol=1e-4, atol=1e-4)


def test_as_a_backbone_with_a_linear_head_its_features_are_the_embedding(yamnet_weights, yamnet_arrays):
    model = build(ModelConfig("yamnet", head="linear", weights=str(yamnet_weights)), 5, (96, 64))
    features = keras.Model(model.input, model.layers[-1].input)(patches()[..., None], training=False)
    np.testing.assert_allclose(features, oracle.embedding_and_scores(patches(), yamnet_arrays)[0], rtol=1e-4, atol=1e-4)
    total, trained, frozen = parameter_counts(model)
    assert (total, trained) == (frozen + 1025 * 5, 1025 * 5)
    assert frozen == 3_751_369 - 1025 * 521  # what is published, without its own classes


def test_its_top_is_the_stages_of_1024_channels():
    model = build(ModelConfig("yamnet", head="linear", weights="none", trainable="top"), 5, (96, 64))
    trained = {layer.name.split("_")[0] for layer in model.get_layer("yamnet").layers if layer.trainable}
    assert trained == {"layer13", "layer14"}


def test_weights_that_keras_saved_load_as_well(network, tmp_path):
    model = build(ModelConfig("yamnet", weights="none"), 5, (96, 64))
    model.get_layer("yamnet").save_weights(tmp_path / "own.weights.h5")
    again = build(ModelConfig("yamnet", weights=str(tmp_path / "own.weights.h5")), 5, (96, 64))
    backbones = [some.get_layer("yamnet").get_weights() for some in (model, again)]
    for ours, theirs in zip(*backbones, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_of_another_network_are_refused_by_their_path(yamnet_arrays, tmp_path):
    path = tmp_path / "other.h5"
    oracle.write_as_google_does(path, [(layer, name, values[:1]) for layer, name, values in yamnet_arrays])
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: these are not weights of yamnet"):
        build(ModelConfig("yamnet", weights=str(path)), 5, (96, 64))


def test_a_download_of_other_arrays_is_not_yamnet_as_published(yamnet_weights):
    assert "as published" in yamnet._wrong_arrays(yamnet_weights)


def test_the_names_of_its_classes_are_those_of_the_published_table():
    digest = hashlib.sha256("\n".join(yamnet.class_names()).encode()).hexdigest()
    assert digest == "16407690f6cf6da15545f245863b6a7059ef931f803a0834b8a7205bb01ccfa2"
