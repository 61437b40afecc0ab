import keras
import numpy as np
import pytest

from fat2019.config.model import ModelConfig
from fat2019.models.backbones import BACKBONES
from fat2019.models.networks import build

SHAPE = (96, 64)


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(0).normal(-3, 2, (4, *SHAPE, 1)).astype(np.float32)


def yamnet(head="stages", **fields):
    keras.utils.set_random_seed(1)
    return build(ModelConfig("yamnet", head, weights="none", **fields), classes=3, input_shape=SHAPE)


def test_the_head_on_stages_scores_the_means_of_their_feature_maps(windows):
    model = yamnet(dropout=0.0)
    backbone, norm, scores = (model.get_layer(index=index) for index in (1, -3, -1))
    assert isinstance(norm, keras.layers.BatchNormalization)
    maps = keras.Model(backbone.input, [backbone.get_layer(name).output for name in BACKBONES["yamnet"].stages])
    means = np.concatenate([np.mean(one, axis=(1, 2)) for one in maps(windows)], axis=1)
    assert means.shape == (4, 256 + 4 * 512 + 2 * 1024)
    assert not np.any(scores.kernel) and np.allclose(model(windows), 1 / (1 + np.exp(3)))  # before it is trained
    scores.set_weights([np.random.default_rng(1).normal(0, 0.01, scores.kernel.shape), scores.bias])
    kernel, bias = scores.get_weights()
    logits = means / np.sqrt(1 + norm.epsilon) @ kernel + bias  # moving statistics as they begin: 0 and 1
    np.testing.assert_allclose(model(windows, training=False), 1 / (1 + np.exp(-logits)), atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_last_stage_of_a_backbone_is_its_feature_map(name):
    backbone = BACKBONES[name].build((*SHAPE, BACKBONES[name].channels), name)
    assert BACKBONES[name].stages[-1] == backbone.layers[-1].name
    names = [layer.name for layer in backbone.layers]
    assert list(BACKBONES[name].stages) == sorted(BACKBONES[name].stages, key=names.index)


@pytest.mark.parametrize("frozen", [True, False])
def test_statistics_that_are_frozen_stay_while_the_weights_are_trained(windows, frozen):
    model = yamnet(trainable="all", freeze_statistics=frozen)
    backbone = model.get_layer("yamnet")
    kernel, norm = backbone.get_layer("layer14_pointwise_conv"), backbone.get_layer("layer14_pointwise_conv_bn")
    for layer in backbone.layers:  # fresh weights let nothing through to the last stage: no gradient, no change
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([*layer.get_weights()[:2], layer.get_weights()[2] / 9])
    scores = model.get_layer("scores")  # zeros would let no gradient through
    scores.set_weights([np.random.default_rng(1).normal(0, 0.1, scores.kernel.shape), scores.bias])
    before = [np.array(kernel.kernel), *norm.get_weights()]
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    model.train_on_batch(windows, np.eye(4, 3, dtype=np.float32))
    assert not np.array_equal(before[0], kernel.kernel)
    assert frozen == all(np.array_equal(a, b) for a, b in zip(before[1:], norm.get_weights(), strict=True))
