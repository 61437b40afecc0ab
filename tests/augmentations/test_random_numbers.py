"""Random numbers are a function of seed, epoch, stream and example, and of nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from fat2019.augmentations import registry
from fat2019.augmentations.random_numbers import ORDER, SAMPLE, SAMPLE_ORDER, STREAM_ORDER, WINDOW, RandomNumbers

pytestmark = pytest.mark.slow


def numbers(seed=1, epoch=2, examples=500):
    return RandomNumbers(tf.constant([seed, epoch], tf.int64), examples)


def test_the_same_seed_epoch_and_stream_give_the_same_numbers():
    np.testing.assert_array_equal(numbers().uniform(3, 4), numbers().uniform(3, 4))


@pytest.mark.parametrize("other", [numbers(seed=2), numbers(epoch=3), numbers(seed=2, epoch=1)])
def test_another_seed_or_epoch_gives_others(other):
    assert np.mean(other.uniform(3, 4) == numbers().uniform(3, 4)) < 0.01


def test_streams_are_apart_and_fill_the_unit_interval():
    drawn = np.stack([numbers().uniform(stream, 1)[:, 0] for stream in range(8)])
    assert len(np.unique(drawn)) > 0.999 * drawn.size
    assert drawn.min() >= 0 and drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(axis=1), 0.5, atol=0.07)
    np.testing.assert_allclose(np.corrcoef(drawn), np.eye(8), atol=0.2)


def test_no_two_takers_share_a_stream():
    own = [WINDOW, ORDER, SAMPLE, SAMPLE_ORDER, STREAM_ORDER]
    every = own + [stream for augmentation in registry.registered() for stream in augmentation.streams]
    assert len(set(every)) == len(every)
