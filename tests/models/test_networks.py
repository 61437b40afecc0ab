"""The networks: the report's parameter counts, what is frozen, what a backbone is fed, and whose weights it takes."""

import dataclasses

import keras
import numpy as np
import pytest

from fat2019.config import model as config
from fat2019.config.features import NAMED
from fat2019.config.model import NETWORKS, BackboneSizes, ModelConfig
from fat2019.errors import DataError
from fat2019.models.backbones import BACKBONES, Backbone
from fat2019.models.heads import HEADS
from fat2019.models.networks import (
    parameter_counts,
    require_features,
    set_trainable,
)
from fat2019.models.own import OWN
from fat2019.models.weights import Published, keras_models
from tests.models.building import SMALL, built, norms_of


@pytest.mark.parametrize(
    "name, counts",
    [
        ("simple", (37_844, 37_650, 194)),
        ("resnet50", (24_132_816, 545_104, 23_587_712)),
        ("mobilenetv2", (2_606_480, 348_496, 2_257_984)),
    ],
)
def test_the_parameters_are_those_of_the_reports_table_6_1(built_once, name, counts):
    assert parameter_counts(built(name)) == counts


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("head", HEADS)
def test_every_network_gives_a_probability_a_class_whatever_is_trained(built_once, name, head):
    images = np.random.default_rng(0).uniform(0, 255, (2, *SMALL, 1)).astype(np.float32)
    trainable = []
    for part in ("none", "top", "all"):
        model = built(name, head=head, classes=5, shape=SMALL, trainable=part)
        total, trained, frozen = parameter_counts(model)
        assert total == trained + frozen == sum(np.size(weight) for weight in model.get_weights())
        trainable.append(trained)
        if name not in OWN:
            head_layers = model.layers[model.layers.index(model.get_layer(name)) + 1 :]
            assert all(layer.trainable for layer in head_layers)
    assert trainable == sorted(trainable)
    assert name in OWN or len(set(trainable)) == 3
    scores = np.asarray(model(images, training=False))
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    assert np.all((scores >= 0) & (scores <= 1))


@pytest.mark.parametrize("part", ["none", "top"])
def test_frozen_batch_normalisation_keeps_its_statistics_and_a_trained_one_does_not(part):
    model = built("mobilenetv2", classes=5, shape=SMALL, trainable=part)
    model.compile(optimizer="sgd", loss="binary_crossentropy", run_eagerly=True)
    norms = [
        layer for layer in model.get_layer("mobilenetv2").layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [[np.array(weight) for weight in layer.get_weights()] for layer in norms]
    rng = np.random.default_rng(2)
    model.train_on_batch(rng.uniform(0, 255, (4, *SMALL, 1)).astype(np.float32), np.eye(4, 5, dtype=np.float32))
    assert {layer.trainable for layer in norms} == ({False} if part == "none" else {False, True})
    for layer, old in zip(norms, before, strict=True):
        for moving, previous in zip(layer.get_weights()[2:], old[2:], strict=True):
            assert np.array_equal(moving, previous) == (not layer.trainable), layer.name


def test_the_momentum_is_saved_with_the_network_and_not_set_anew(tmp_path):
    built("yamnet", classes=5, shape=SMALL, backbone_momentum=0.995).save(tmp_path / "older.keras")
    older = keras.models.load_model(tmp_path / "older.keras")
    set_trainable(older, ModelConfig("yamnet", trainable="all"))
    assert {layer.momentum for layer in norms_of(older.get_layer("yamnet"))} == {0.995}


def _slow_to_settle(input_shape, name):
    """A small backbone with the momentum of Keras's MobileNetV2."""
    images = keras.Input(input_shape)
    features = keras.layers.Conv2D(8, 3, strides=2, use_bias=False)(images)
    for channels in (8, 16):
        features = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.999)(features))
        features = keras.layers.Conv2D(channels, 3, strides=2, use_bias=False)(features)
    return keras.Model(images, keras.layers.BatchNormalization(momentum=0.999)(features), name=name)


@pytest.mark.parametrize("momentum, settled", [(0.9, True), (0.999, False)])
def test_trained_statistics_score_after_few_steps_as_those_of_the_batch(monkeypatch, momentum, settled):
    monkeypatch.setitem(NETWORKS, "slow", BackboneSizes(1, 1, 1))
    published = Published("imagenet", "https://localhost/none", keras_models)
    monkeypatch.setitem(BACKBONES, "slow", Backbone(_slow_to_settle, top=(), stages=(), published=published))
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    labels = np.eye(4, dtype=np.float32)[np.arange(64) % 4]
    pitch = np.repeat(labels, 8, axis=1)[:, None, :, None]  # which quarter of the bands is loud
    images = (random.uniform(0, 100, (64, *SMALL, 1)) + 120 * pitch).astype(np.float32)
    model = built("slow", head="linear", classes=4, shape=SMALL, trainable="all", backbone_momentum=momentum)
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    model.fit(images, labels, batch_size=64, epochs=30, verbose=0)  # a step an epoch
    loss = keras.losses.BinaryCrossentropy()
    training, validation = (float(loss(labels, model(images, training=training))) for training in (True, False))
    assert training < 0.3
    assert (validation < training + 0.2) == settled


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_says_which_features_it_takes(name):
    for features in NAMED:
        fits = (features == "yamnet") == (name == "yamnet") or name == "compact"
        if fits:
            require_features(ModelConfig(name), NAMED[features])
        else:
            with pytest.raises(DataError, match=f"{name} needs .*build-features"):
                require_features(ModelConfig(name), NAMED[features])


def test_windows_of_another_length_and_type_are_of_the_same_front_end():
    longer = dataclasses.replace(NAMED["yamnet"], window_samples=48_000, dtype="float32")
    require_features(ModelConfig("yamnet"), longer)
    with pytest.raises(DataError, match="compact or yamnet"):
        require_features(ModelConfig("simple"), longer)


def test_the_names_of_configurations_are_those_that_can_be_built():
    assert {name: name in BACKBONES for name in (*OWN, *BACKBONES)} == {
        name: sizes is not None for name, sizes in NETWORKS.items()
    }
    assert tuple(HEADS) == config.HEADS
