"""Mixed sounds: their distributions, and every image against a slow version."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.augmentations.mix_sounds import Drawn, MixSounds
from fat2019.errors import DataError
from tests.augmentations.batches import batch_of, drawn_by, scaled_images
from tests.oracles import mix_sounds as mix_oracle

RARE = 1e-3  # the seeds are fixed: a test fails either always or never


def three(values):
    return st.lists(values, min_size=3, max_size=3)


def mix(images, labels, decibels, mixed, level=0.0, turn=0.0):
    """As the feed mixes; levels and turns are one for all images if they are not given for each."""
    count = len(images)
    level, turn = (tf.constant(np.broadcast_to(np.float32(value), count)) for value in (level, turn))
    batch = MixSounds().apply(batch_of(images, labels, decibels), Drawn(tf.constant(mixed), level, turn))
    return batch.images, batch.labels


@settings(max_examples=30)
@given(
    st.integers(0, 1000),
    three(st.floats(0.5, 90, width=32)),
    three(st.floats(-20, 20, width=32)),
    three(st.sampled_from([0.0, 0.0625, 0.5, 0.9375])),
)
def test_mixed_sounds_are_those_of_the_slow_version(seed, decibels, level, turn):
    images, labels = scaled_images(seed), np.eye(3, 4, dtype=np.float32)
    mixed, mixed_labels = mix(images, labels, np.float32(decibels), [True] * 3, level, turn)
    for place in range(3):
        own, other = (images[place], decibels[place]), (images[place - 1], decibels[place - 1])
        expected = mix_oracle.mixed_image(*own, *other, level[place], turn[place])
        np.testing.assert_allclose(mixed[place], expected, atol=0.05)
        np.testing.assert_array_equal(mixed_labels[place], labels[place] + labels[place - 1])


def test_what_is_not_to_be_mixed_stays_as_it_is_to_the_bit_and_labels_never_exceed_one():
    images, labels = scaled_images(1), np.float32([[1, 0], [1, 1], [0, 1]])
    mixed, mixed_labels = mix(images, labels, np.full(3, 40, np.float32), [False, True, False])
    np.testing.assert_array_equal(mixed.numpy()[[0, 2]], images[[0, 2]])
    assert np.abs(mixed[1] - images[1]).max() > 1
    np.testing.assert_array_equal(mixed_labels, labels)


@pytest.mark.parametrize("silent", [0, 1])
def test_an_image_of_one_value_is_neither_mixed_nor_mixed_in(silent):
    images, labels, decibels = scaled_images(2, 2), np.eye(2, dtype=np.float32), np.float32([50, 50])
    images[silent], decibels[silent] = 0, 0
    mixed, mixed_labels = mix(images, labels, decibels, [True, True])
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_array_equal(mixed_labels, labels)


def test_levels_and_turns_follow_their_laws():
    mixed, level, turn = drawn_by(MixSounds(mix_share=0.5, mix_level_db=12, mix_in_turn=0.25), 20_000)
    assert scipy.stats.kstest(level, scipy.stats.uniform(-12, 24).cdf).pvalue > RARE
    assert np.mean(turn > 0) == pytest.approx(0.25, abs=0.015)
    assert scipy.stats.kstest(turn[turn > 0], scipy.stats.uniform(0, 1).cdf).pvalue > RARE
    assert np.corrcoef(level, turn)[0, 1] == pytest.approx(0, abs=0.03)
    assert np.mean(mixed) == pytest.approx(0.5, abs=0.015)


def test_sounds_are_equally_loud_and_overlaid_unless_told_otherwise():
    _, level, turn = drawn_by(MixSounds(mix_share=1.0), 50)
    assert not level.any() and not turn.any()


def test_examples_that_are_not_augmented_are_never_mixed_and_of_the_others_the_share_asked_for():
    augmented = np.arange(4000) % 2 == 1
    mixed = drawn_by(MixSounds(mix_share=0.3), 4000, augmented).mixed
    assert not mixed[~augmented].any()
    assert abs(mixed[augmented].mean() - 0.3) < 0.03


def test_the_numbers_of_one_epoch_are_literally_these():
    """A change of them changes what every resumed run trains on."""
    mixed, level, turn = drawn_by(MixSounds(mix_share=0.5, mix_level_db=10, mix_in_turn=0.5), 4, seed=7, epoch=3)
    assert mixed.tolist() == [False, False, True, True]
    np.testing.assert_allclose(level, [9.662951, 7.955184, -0.158658, -3.607614], atol=1e-5)
    np.testing.assert_allclose(turn, [0.200996, 0, 0.860901, 0.942398], atol=1e-6)


def test_without_a_share_it_is_off_and_the_other_options_do_nothing():
    assert MixSounds(mix_share=0.1).is_on
    assert not MixSounds(mix_level_db=3, mix_in_turn=0.5).is_on
    for name in ("mix_level_db", "mix_in_turn"):
        with pytest.raises(DataError, match=f"{name}: 0.5 has no effect here: it is an option of mixed sounds"):
            MixSounds.require_on({name: 0.5})


@pytest.mark.parametrize(
    "wrong", [{"mix_share": -0.1}, {"mix_share": 1.1}, {"mix_level_db": -1.0}, {"mix_in_turn": 2.0}]
)
def test_an_option_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        MixSounds(**wrong)
