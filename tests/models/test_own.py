"""The networks without a backbone."""

import itertools

import keras
import numpy as np

from fat2019.models.networks import (
    parameter_counts,
)
from fat2019.models.own import over_time
from tests.models.building import SMALL, built


def test_the_simple_network_begins_by_dividing_by_255():
    model = built(shape=SMALL)
    images = np.full((1, *SMALL, 1), 255, np.float32)
    np.testing.assert_allclose(model.layers[1](images), np.ones_like(images), rtol=1e-6)


def test_the_simple_networks_batch_normalisation_is_trained():
    model = built(classes=5, shape=SMALL)
    model.compile(optimizer="sgd", loss="binary_crossentropy", run_eagerly=True)
    before = [np.array(weight) for weight in model.non_trainable_weights]
    model.train_on_batch(np.random.default_rng(3).uniform(0, 255, (4, *SMALL, 1)).astype(np.float32), np.eye(4, 5))
    assert all(np.any(old != new) for old, new in zip(before, model.non_trainable_weights, strict=True))


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
