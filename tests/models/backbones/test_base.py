"""What holds for every backbone, and what files of weights it takes."""

import re

import keras
import numpy as np
import pytest

from fat2019.config.model import NETWORKS, BackboneSizes
from fat2019.errors import DataError
from fat2019.models.backbones import BACKBONES, Backbone
from fat2019.models.backbones.base import of_keras
from fat2019.models.networks import (
    parameter_counts,
)
from fat2019.models.weights import Published, keras_models
from tests.models.building import FUNCTIONS, SMALL, built, norms_of

PREPROCESS = {
    "resnet50": keras.applications.resnet50.preprocess_input,
    "mobilenetv2": keras.applications.mobilenet_v2.preprocess_input,
    "efficientnetv2-b0": keras.applications.efficientnet_v2.preprocess_input,
}


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
    monkeypatch.setitem(NETWORKS, "mobilenetv3", BackboneSizes(1, 1, 1))
    model = built("mobilenetv3", classes=5, shape=SMALL, trainable="top")
    assert np.shape(model(np.zeros((1, *SMALL, 1)))) == (1, 5)
    _, trained, frozen = parameter_counts(model)
    assert trained > 0
    assert frozen > 0


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("options", [{}, {"backbone_momentum": 0.5}])
def test_the_momentum_of_a_backbone_is_the_configured_one(built_once, name, options):
    backbone = built(name, shape=SMALL, **options).get_layer(name)
    assert {layer.momentum for layer in norms_of(backbone)} == {options.get("backbone_momentum", 0.9)}
