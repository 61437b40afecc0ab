"""What a network is fed of log-mels that are not scaled, and what is done to sounds on the way."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from fat2019.augmentations.base import Batch
from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import Drawn, MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import Drawn as Masks
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.features import NAMED, FeatureConfig
from fat2019.feed.evaluation import EvaluationWindows
from fat2019.feed.scale import ImageScale, LogScale, scale_of
from tests.feeds import READERS, batches, feed_of, training_clips
from tests.oracles import feed as oracle

YAMNET = NAMED["yamnet"]
OFFSET = 0.001


def magnitudes(*shape, seed=0):
    return np.random.default_rng(seed).gamma(0.3, 0.2, shape).astype(np.float32) + np.float32(1e-4)


def fed(mels):
    return np.log(mels + np.float32(OFFSET))


def overlaid(values, scale, level=0.0):
    """What mixing makes of a batch of values: each with the one before it."""
    count = len(values)
    drawn = Drawn(tf.fill([count], True), tf.fill([count], level), tf.zeros(count))
    return MixSounds(1.0).apply(Batch(values, scale, tf.ones(count), tf.eye(count)), drawn)


def test_the_scale_follows_from_the_features():
    assert scale_of(FeatureConfig()) == ImageScale()
    assert scale_of(YAMNET) == LogScale(math.log(0.001), 20 / math.log(10), 0.001)
    decibels = dataclasses.replace(FeatureConfig(), scaling="none")
    assert scale_of(decibels) == LogScale(-100.0, 1.0)


@pytest.mark.parametrize("level", [-6.0, 0.0, 10.0])
def test_unscaled_sounds_mix_by_their_powers_and_keep_their_loudness(level):
    mels = magnitudes(3, 8, 5)
    mixture = overlaid(tf.constant(fed(mels)), scale_of(YAMNET), level)
    for place in range(3):
        own, other = mels[place].astype(np.float64), mels[place - 1].astype(np.float64)
        other = other / other.max() * own.max() * 10 ** (level / 20)
        np.testing.assert_allclose(mixture.images[place], fed(np.hypot(own, other)), atol=2e-4)
    np.testing.assert_array_equal(mixture.labels, np.maximum(np.eye(3), np.roll(np.eye(3), 1, axis=0)))


def test_silence_in_an_unscaled_partner_stays_silence():
    mels = magnitudes(2, 8, 5)
    mels[:, 4:] = 0
    mels[0] *= 1e-2  # of which every part is made 40 dB louder
    values = tf.cast(tf.cast(fed(mels), tf.float16), tf.float32)  # as stored
    mixed = overlaid(values, scale_of(YAMNET)).images
    assert np.abs(mixed[1, 4:] - math.log(OFFSET)).max() < 0.02


def test_unscaled_decibels_mix_by_their_powers():
    values = tf.constant(np.random.default_rng(0).uniform(-60, -5, (2, 6, 4)).astype(np.float32))
    mixed = overlaid(values, LogScale(-100.0, 1.0)).images
    for place in range(2):
        own, other = (values[index].numpy().astype(np.float64) for index in (place, place - 1))
        other = other - other.max() + own.max()
        np.testing.assert_allclose(mixed[place], 10 * np.log10(10 ** (own / 10) + 10 ** (other / 10)), atol=1e-3)


def test_masks_of_unscaled_values_hold_silence():
    values = tf.constant(fed(magnitudes(4, 20, 10)))
    policy = SpecAugment(frequency_masks=1, frequency_mask_bands=6, time_masks=1, time_mask_frames=8)
    drawn = Masks(tf.random.stateless_uniform([4, policy.uniforms], [1, 2]), tf.fill([4], True))
    ones = tf.ones_like(values)
    masked, zeroed = (
        policy.apply(Batch(images, scale, tf.ones(4), tf.eye(4)), drawn).images.numpy()
        for images, scale in ((values, scale_of(YAMNET)), (ones, ImageScale()))
    )
    assert (zeroed == 0).any()
    np.testing.assert_array_equal(masked, np.where(zeroed == 0, np.float32(math.log(OFFSET)), values))


@pytest.mark.parametrize("reader", READERS)
def test_an_unscaled_feed_gives_the_stored_values_of_the_loudest_window(open_store, reader):
    store = open_store("float16", "yamnet")
    feed = feed_of(store, reader)
    clips, flat = training_clips(store), store.read_log_mels()
    epoch = feed._sampler.epoch(tf.constant(0, tf.int64))
    expected = []
    for entry, clip in enumerate(epoch.clip.numpy()):
        index = clips[clip]
        stored = flat.log_mel[flat.frame_offset[index] : flat.frame_offset[index + 1]]
        audio = store.audio(store.clips["fname"][index])
        expected.append(oracle.training_image(stored, audio, epoch.window[entry].numpy(), store.config))
    images = np.concatenate([images for images, _ in batches(feed.dataset(epochs=1))])
    assert images.shape[1:] == (96, 64, 1)
    key = lambda image: image.astype(np.float64).round(4).tobytes()  # noqa: E731
    assert sorted(map(key, images[..., 0])) == sorted(map(key, expected))


def test_an_unscaled_feed_runs_with_every_augmentation(open_store):
    store = open_store("float16", "yamnet")
    augmentations = (FrequencyShift(2, 0.1), MixSounds(1.0, 6.0, 0.5), SpecAugment(time_warp_frames=10), MixUp(0.4))
    for images, labels in batches(feed_of(store, augmentations=augmentations).dataset(epochs=1)):
        assert np.isfinite(images).all()
        assert images.min() >= store.config.log_floor - 1e-3
        assert images.max() < 10
        assert labels.max() <= 1


def test_unscaled_evaluation_windows_are_the_stored_values(open_store):
    store = open_store("float16", "yamnet")
    flat = store.read_log_mels(np.array([0, 5]))
    windows = EvaluationWindows(flat, store.config, hop_frames=48)
    images = np.concatenate([images for images, _ in windows.dataset().as_numpy_iterator()])
    for image, clip, start in zip(images[..., 0], windows.clip, windows.start, strict=True):
        first = flat.frame_offset[clip] + start
        np.testing.assert_array_equal(image, flat.log_mel[first : first + 96].astype(np.float32))
