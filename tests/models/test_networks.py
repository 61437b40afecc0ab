"""The networks: the report's parameter counts, what is frozen, what a backbone is fed, and whose weights it takes."""

import dataclasses
import functools
import itertools
import re

import keras
import numpy as np
import pytest

from fat2019.config import model as config
from fat2019.config.features import NAMED
from fat2019.config.model import NETWORKS, ModelConfig
from fat2019.errors import DataError
from fat2019.models.backbones import BACKBONES, Backbone
from fat2019.models.backbones.base import of_keras
from fat2019.models.heads import HEADS
from fat2019.models.networks import (
    build,
    parameter_counts,
    require_features,
    set_trainable,
)
from fat2019.models.own import OWN, over_time
from fat2019.models.weights import Published, keras_models

SMALL = (32, 32)
FUNCTIONS = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetv2-b0": "EfficientNetV2B0"}
PREPROCESS = {
    "resnet50": keras.applications.resnet50.preprocess_input,
    "mobilenetv2": keras.applications.mobilenet_v2.preprocess_input,
    "efficientnetv2-b0": keras.applications.efficientnet_v2.preprocess_input,
}


@pytest.fixture
def built_once(monkeypatch, shared_backbones):
    """Backbones are slow to build, and many tests need no fresh one."""
    for function in FUNCTIONS.values():
        monkeypatch.setattr(keras.applications, function, shared_backbones[function])


@pytest.fixture(scope="module")
def shared_backbones():
    def cached(function):
        @functools.cache
        def once(input_shape, name):
            return function(weights=None, include_top=False, input_shape=input_shape, name=name)

        return lambda *, weights, include_top, input_shape, name: once(input_shape, name)

    return {function: cached(getattr(keras.applications, function)) for function in FUNCTIONS.values()}


def built(name="simple", *, classes=80, shape=(92, 80), **options):
    config = ModelConfig(name, **{"weights": "none", **options})
    model = build(config, classes, shape)
    set_trainable(model, config)
    return model


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


@pytest.mark.parametrize(
    "name, first, last_frozen",
    [
        ("resnet50", "conv4_block1_1_conv", "conv3_block4_out"),
        ("mobilenetv2", "block_10_expand", "block_9_add"),  # Keras counts from 0 what the report counts from 1
    ],
)
def test_the_top_of_a_backbone_is_its_last_stages(built_once, name, first, last_frozen):
    layers = built(name, shape=SMALL, trainable="top").get_layer(name).layers
    names = [layer.name for layer in layers]
    trained = {layer.name for layer in layers if layer.trainable}
    assert first in trained
    assert last_frozen not in trained
    assert trained == set(names[names.index(last_frozen) + 1 :])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_backbone_is_fed_what_its_own_preprocessing_gives(built_once, name):
    """On three equal channels, so that their order is nothing."""
    model = built(name, classes=5, shape=SMALL)
    images = np.random.default_rng(1).uniform(0, 255, (3, *SMALL, 1)).astype(np.float32)
    expected = PREPROCESS[name](np.repeat(images, 3, axis=-1))
    np.testing.assert_allclose(BACKBONES[name].prepare(np.repeat(images, 3, axis=-1)), expected, atol=1e-4)
    # And the network does feed it that: its head on those features gives the same scores.
    place = model.layers.index(model.get_layer(name))
    features = model.get_layer(name)(expected, training=False)
    for layer in model.layers[place + 1 :]:
        features = layer(features, training=False)
    np.testing.assert_allclose(model(images, training=False), features, atol=1e-5)


def test_the_simple_network_begins_by_dividing_by_255():
    model = built(shape=SMALL)
    images = np.full((1, *SMALL, 1), 255, np.float32)
    np.testing.assert_allclose(model.layers[1](images), np.ones_like(images), rtol=1e-6)


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


def test_the_simple_networks_batch_normalisation_is_trained():
    model = built(classes=5, shape=SMALL)
    model.compile(optimizer="sgd", loss="binary_crossentropy", run_eagerly=True)
    before = [np.array(weight) for weight in model.non_trainable_weights]
    model.train_on_batch(np.random.default_rng(3).uniform(0, 255, (4, *SMALL, 1)).astype(np.float32), np.eye(4, 5))
    assert all(np.any(old != new) for old, new in zip(before, model.non_trainable_weights, strict=True))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_come_from_the_file_given(tmp_path, suffix):
    donor = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(*SMALL, 3))
    if suffix == ".weights.h5":
        donor.save_weights(tmp_path / "given.weights.h5")
    else:  # the older layout, in which Keras distributes its ImageNet weights
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(tmp_path / "given.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, donor)
    model = built("mobilenetv2", shape=SMALL, weights=str(tmp_path / f"given{suffix}"))
    for ours, theirs in zip(model.get_layer("mobilenetv2").get_weights(), donor.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def refusal(path):
    with pytest.raises(DataError, match=re.escape(str(path))) as caught:
        built("mobilenetv2", shape=SMALL, weights=str(path))
    return str(caught.value)


def test_a_file_of_no_weights_is_refused_by_its_path(built_once, tmp_path):
    (tmp_path / "text.weights.h5").write_text("not weights")
    (tmp_path / "audio.wav").write_bytes(b"RIFF")
    for name in ("missing.weights.h5", "text.weights.h5", "audio.wav"):
        assert "\n" not in refusal(tmp_path / name), name


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_the_weights_of_another_network_are_refused_by_their_path(built_once, tmp_path):
    built(shape=SMALL).save_weights(tmp_path / "other.weights.h5")
    assert "not weights of mobilenetv2" in refusal(tmp_path / "other.weights.h5")


def test_a_further_backbone_is_one_row(monkeypatch):
    published = Published("imagenet", "https://localhost/some_file.h5", keras_models)
    row = Backbone(of_keras("MobileNetV3Small"), top=("expanded_conv_10",), stages=(), published=published)
    monkeypatch.setitem(BACKBONES, "mobilenetv3", row)
    monkeypatch.setitem(NETWORKS, "mobilenetv3", True)
    model = built("mobilenetv3", classes=5, shape=SMALL, trainable="top")
    assert np.shape(model(np.zeros((1, *SMALL, 1)))) == (1, 5)
    _, trained, frozen = parameter_counts(model)
    assert trained > 0
    assert frozen > 0


def norms_of(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("options", [{}, {"backbone_momentum": 0.5}])
def test_the_momentum_of_a_backbone_is_the_configured_one(built_once, name, options):
    backbone = built(name, shape=SMALL, **options).get_layer(name)
    assert {layer.momentum for layer in norms_of(backbone)} == {options.get("backbone_momentum", 0.9)}


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
    monkeypatch.setitem(NETWORKS, "slow", True)
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
            with pytest.raises(DataError, match=f"{name} takes .*build-features"):
                require_features(ModelConfig(name), NAMED[features])


def test_windows_of_another_length_and_type_are_of_the_same_front_end():
    longer = dataclasses.replace(NAMED["yamnet"], window_samples=48_000, dtype="float32")
    require_features(ModelConfig("yamnet"), longer)
    with pytest.raises(DataError, match="compact or yamnet"):
        require_features(ModelConfig("simple"), longer)


def test_the_compact_networks_parameters_follow_from_its_width():
    def counted(width, maps):
        channels = [width * 2**block for block in range(4)]
        shapes = [(5, maps, channels[0]), *((3, a, b) for a, b in itertools.pairwise(channels))]
        kernels = sum(size * size * before * after for size, before, after in shapes) + sum(9 * c * c for c in channels)
        return kernels + 8 * sum(channels) + (channels[-1] + 1) * 5

    for width, frequency_map in ((8, True), (12, False)):
        total, trained, _ = parameter_counts(built("compact", classes=5, width=width, frequency_map=frequency_map))
        assert total == counted(width, 2 if frequency_map else 1)
        assert total - trained == 4 * width * (1 + 2 + 4 + 8)  # the moving statistics


def test_a_standardised_image_may_be_louder_or_of_another_range_and_scores_the_same():
    images = np.random.default_rng(4).uniform(0, 100, (2, *SMALL, 1)).astype(np.float32)
    for standardise in (True, False):
        keras.utils.set_random_seed(5)  # of many seeds, fresh weights let less through than rounding
        model = built("compact", classes=5, shape=SMALL, width=8, standardise=standardise)
        alike = np.allclose(model(images, training=False), model(2 * images + 30, training=False), atol=1e-5)
        assert alike == standardise


def test_only_with_a_frequency_map_do_equal_bands_look_different():
    images = np.ones((1, *SMALL, 1), np.float32)
    for frequency_map in (True, False):
        model = built("compact", classes=5, shape=SMALL, width=8, frequency_map=frequency_map)
        inside = keras.Model(model.input, next(x for x in model.layers if isinstance(x, keras.layers.Conv2D)).output)
        inner = np.asarray(inside(images))[0, 4:-4, 4:-4]  # the border sees the padding
        assert (np.ptp(inner, axis=1).max() > 1e-3) == frequency_map
        assert np.ptp(inner, axis=0).max() < 1e-5


def test_attention_and_mean_and_greatest_value_over_time():
    values = keras.Input((3, 2))
    features = np.float32([[[1, 5], [2, 0], [6, 1]]])
    for pooling, expected in (("mean", [3, 2]), ("mean+max", [9, 7])):
        np.testing.assert_allclose(keras.Model(values, over_time(values, pooling))(features), [expected])
    attention = keras.Model(values, over_time(values, "attention"))
    attention.layers[1].set_weights([np.float32([[50, 0], [0, 50]]), np.zeros(2, np.float32)])
    np.testing.assert_allclose(attention(features), [[6, 5]], atol=1e-4)  # all of it where the feature is greatest


def test_options_of_the_simple_network_change_it():
    small, large = (parameter_counts(built(kernel_size=size)) for size in (3, 5))
    assert large[0] - small[0] == (25 - 9) * (32 + 32 * 64)
    assert [layer.rate for layer in built(dropout=0.2).layers if isinstance(layer, keras.layers.Dropout)] == [0.2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "vgg"},
        {"head": "none"},
        {"trainable": "bottom"},
        {"kernel_size": 0},
        {"width": 0},
        {"pooling": "median"},
        {"dropout": 1.0},
        {"dropout": -0.1},
    ],
)
def test_a_configuration_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        ModelConfig(**wrong)


def test_the_names_of_configurations_are_those_that_can_be_built():
    assert {name: name in BACKBONES for name in (*OWN, *BACKBONES)} == NETWORKS
    assert tuple(HEADS) == config.HEADS
