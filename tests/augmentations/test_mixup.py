"""MixUp: lambda follows its law, and images and labels are blended alike."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from fat2019.augmentations.mixup import MixUp, mixup
from fat2019.errors import DataError
from tests.augmentations.batches import batch_of, drawn_by, random_images

RARE = 1e-3  # the seeds are fixed: a test fails either always or never


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6), st.integers(0, 100))
def test_images_and_labels_are_mixed_alike_with_those_before_them(shares, seed):
    images = random_images(seed, len(shares), 4, 3)
    labels = np.random.default_rng(seed).integers(0, 2, (len(shares), 5)).astype(np.float32)
    for values in (images, labels):
        expected = [share * values[i] + (1 - share) * values[i - 1] for i, share in enumerate(shares)]
        mixed = mixup(tf.constant(values), tf.constant(shares, tf.float32))
        np.testing.assert_allclose(mixed, expected, atol=1e-4)


def test_a_lambda_of_one_changes_no_bit():
    images = random_images(6)
    shares = tf.constant([0.3, 1.0, 0.5, 1.0])
    mixed = mixup(tf.constant(images), shares).numpy()
    np.testing.assert_array_equal(mixed[[1, 3]], images[[1, 3]])
    assert not np.array_equal(mixed[[0, 2]], images[[0, 2]])


def test_images_and_labels_of_a_batch_are_blended_by_the_same_lambda():
    images, lambdas = random_images(1, 3, 4, 5), np.float32([0.25, 1, 0.5])
    batch = MixUp().apply(batch_of(images), lambdas)
    np.testing.assert_array_equal(batch.images, mixup(tf.constant(images), lambdas))
    np.testing.assert_allclose(batch.labels, [[0.25, 0, 0.75], [0, 1, 0], [0, 0.5, 0.5]])


@pytest.mark.parametrize("alpha", [0.4, 1.0, 8.0])
def test_lambda_follows_beta(alpha):
    lambdas = drawn_by(MixUp(alpha), 20_000)
    assert scipy.stats.kstest(lambdas.astype(np.float64), scipy.stats.beta(alpha, alpha).cdf).pvalue > RARE


def test_lambda_follows_beta_where_it_is_nearly_always_0_or_1():
    """Float32 cannot tell many of these from 1, so bins are compared."""
    lambdas = drawn_by(MixUp(0.1), 20_000)
    edges = np.array([0, 1e-6, 1e-3, 0.05, 0.3, 0.7, 0.95, 0.999, 1])
    expected = np.diff(scipy.stats.beta(0.1, 0.1).cdf(edges)) * len(lambdas)
    assert scipy.stats.chisquare(np.histogram(lambdas, edges)[0], expected, sum_check=False).pvalue > RARE


def test_examples_that_are_not_augmented_keep_themselves_whole():
    augmented = np.arange(100) % 2 == 1
    lambdas = drawn_by(MixUp(0.4), 100, augmented)
    assert np.all(lambdas[~augmented] == 1)
    assert np.all(lambdas[augmented] < 1)


def test_the_lambdas_of_one_epoch_are_literally_these():
    """A change of them changes what every resumed run trains on."""
    lambdas = drawn_by(MixUp(0.4), 4, [True, False, True, False], seed=7, epoch=3)
    np.testing.assert_allclose(lambdas, [0.203080, 1, 0.423027, 1], atol=1e-6)


def test_without_alpha_it_is_off():
    assert not MixUp().is_on and MixUp(0.1).is_on


@pytest.mark.parametrize("alpha", [-1.0, float("nan")])
def test_an_alpha_out_of_range_is_refused_by_name(alpha):
    with pytest.raises(DataError, match="mixup_alpha"):
        MixUp(alpha)
