"""Frequency shift and stretch: their distributions, and every band against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.augmentations.frequency_shift import FrequencyShift, shift_frequencies
from fat2019.errors import DataError
from tests.augmentations.batches import drawn_by, random_images


@settings(max_examples=20)
@given(st.integers(0, 100), st.lists(st.integers(-6, 6), min_size=3, max_size=3))
def test_each_image_is_shifted_by_its_own_bands_and_its_end_repeated(seed, bands):
    images = random_images(seed, 3, 4, 6)
    shifted = shift_frequencies(tf.constant(images), tf.constant(bands), tf.ones(3)).numpy()
    for image, moved, by in zip(images, shifted, bands, strict=True):
        for band in range(6):
            np.testing.assert_array_equal(moved[:, band], image[:, min(max(band - by, 0), 5)])


@settings(max_examples=20)
@given(st.integers(0, 100), st.lists(st.floats(0.5, 2), min_size=3, max_size=3), st.integers(-2, 2))
def test_each_image_is_stretched_about_its_middle_as_numpy_interpolates(seed, factors, shift):
    images = random_images(seed, 3, 4, 7)
    moved = shift_frequencies(tf.constant(images), tf.fill([3], shift), tf.constant(factors, tf.float32)).numpy()
    for image, stretched, factor in zip(images, moved, factors, strict=True):
        for frame in range(4):  # where a band came from, in a loop over frames
            source = 3 + (np.arange(7) - 3) / np.float32(factor) - shift
            np.testing.assert_allclose(stretched[frame], np.interp(source, np.arange(7), image[frame]), atol=1e-3)


def test_a_stretched_spectrum_has_its_middle_where_it_was_and_its_edges_further_out():
    image = np.zeros((1, 1, 9), np.float32)
    image[0, 0, [2, 4, 6]] = 100
    wider = shift_frequencies(tf.constant(image), tf.constant([0]), tf.constant([2.0])).numpy()[0, 0]
    np.testing.assert_allclose(wider, [100, 50, 0, 50, 100, 50, 0, 50, 100])


def test_an_image_of_one_band_cannot_be_moved():
    image = random_images(0, 2, 5, 1)
    np.testing.assert_array_equal(
        shift_frequencies(tf.constant(image), tf.constant([3, -3]), tf.constant([2.0, 0.5])), image
    )


def test_shifts_are_uniform_from_end_to_end_and_examples_that_are_not_augmented_have_none():
    augmented = np.arange(4000) % 2 == 1
    shift = drawn_by(FrequencyShift(shift_bands=2), 4000, augmented).shift
    assert not shift[~augmented].any()
    np.testing.assert_allclose(np.bincount(shift[augmented] + 2) / augmented.sum(), [0.2] * 5, atol=0.02)


def test_spectra_are_widened_as_often_as_narrowed_within_what_was_asked_for():
    augmented = np.arange(6000) % 2 == 1
    stretch = drawn_by(FrequencyShift(stretch_bands=0.25), 6000, augmented).stretch
    assert (stretch[~augmented] == 1).all()
    assert abs((stretch[augmented] > 1).mean() - 0.5) < 0.03
    assert 0.8 <= stretch.min() < 0.81 and 1.24 < stretch.max() <= 1.25


def test_the_numbers_of_one_epoch_are_literally_these():
    """A change of them changes what every resumed run trains on."""
    shift, stretch = drawn_by(FrequencyShift(shift_bands=4, stretch_bands=0.1), 4, seed=7, epoch=3)
    assert shift.tolist() == [2, -4, -2, -2]
    np.testing.assert_allclose(stretch, [0.961013, 0.969172, 1.066443, 0.975202], atol=1e-6)


def test_it_is_on_with_a_shift_or_a_stretch():
    assert FrequencyShift(1).is_on and FrequencyShift(stretch_bands=0.1).is_on and not FrequencyShift().is_on


@pytest.mark.parametrize("wrong", [{"shift_bands": -1}, {"stretch_bands": -0.1}, {"stretch_bands": float("inf")}])
def test_an_option_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        FrequencyShift(**wrong)
