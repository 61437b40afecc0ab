"""The feed: every training image against a slow version, whatever the reader."""

import dataclasses
import types

import numpy as np
import psutil
import pytest
import tensorflow as tf

from fat2019.audio.quantise import dequantise
from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError
from fat2019.feed import training as feed
from fat2019.feed.sampling import Sampler
from fat2019.feed.sources import MemoryReader
from fat2019.feed.training import TrainingFeed
from fat2019.feed.windows import to_image
from tests.examples import run_examples
from tests.feeds import BATCH, POLICY, READERS, as_set, batches, feed_of, joined, training_clips
from tests.oracles import feed as oracle
from tests.oracles import mix_sounds as mix_oracle


def epoch_of(store, number=0, *, augment=None, weights=None, augmentations=()):
    """The epoch that the feed must draw, from the sampler alone."""
    clips = training_clips(store)
    return Sampler(
        np.ones(len(clips)) if weights is None else weights,
        np.zeros(len(clips), np.uint8) if augment is None else augment,
        seed=4,
        candidates=3,
        augmentations=augmentations,
    ).epoch(number)


def slow_images(store, epoch, policy=None):
    """What each example of an epoch must look like, in the order of the examples."""
    clips, flat = training_clips(store), store.read_log_mels()
    images = []
    for example, clip in enumerate(epoch.clip.numpy()):
        index = clips[clip]
        stored = flat.log_mel[flat.frame_offset[index] : flat.frame_offset[index + 1]]
        images.append(
            oracle.training_image(
                stored,
                store.audio(store.clips["fname"][index]),
                epoch.window[example].numpy(),
                store.config,
                policy if policy and epoch.augmented[example] else None,
                epoch.drawn["spec_augment"].uniforms[example].numpy() if policy else None,
            )
        )
    return np.stack(images)[..., None]


def raw_images(store, epoch):
    """The windows of an epoch, scaled and nothing else, in the order of training."""
    reader = MemoryReader(store.read_log_mels(training_clips(store)), store.config)
    return np.concatenate(
        [
            to_image(windows.window, windows.low, windows.high)[..., None]
            for windows in windows_of(reader, epoch, epoch.order)
        ]
    )


def windows_of(reader, epoch, ids):
    return reader.places(epoch, ids).rebatch(BATCH).map(reader.cut)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_without_augmentation_an_image_is_the_loudest_window_by_the_stored_audio_scaled(open_store, dtype):
    store = open_store(dtype)
    epoch = epoch_of(store, 1)
    images, labels = joined(batches(feed_of(store).dataset(1, epochs=2)))
    order = epoch.order.numpy()
    np.testing.assert_allclose(images, slow_images(store, epoch)[order], atol=1e-3)
    np.testing.assert_array_equal(labels, store.labels[training_clips(store)][epoch.clip.numpy()[order]])
    assert images.dtype == labels.dtype == np.float32
    assert images.min() == 0
    assert 254.99 < images.max(axis=(1, 2, 3)).min() <= images.max() <= 255


@pytest.mark.parametrize("augmentations", [(), (SpecAugment(time_masks=0, frequency_masks=0), MixUp(0.0))])
def test_nothing_changes_when_augmentation_is_off(store, augmentations):
    """To the bit: what leaves the feed is the scaled window."""
    images, _ = joined(batches(feed_of(store, augmentations=augmentations).dataset(epochs=1)))
    np.testing.assert_array_equal(images, raw_images(store, epoch_of(store)))


def test_augmented_images_are_those_of_the_slow_version(store):
    epoch = epoch_of(store, augmentations=(POLICY,))
    images, _ = joined(batches(feed_of(store, augmentations=(POLICY,)).dataset(epochs=1)))
    np.testing.assert_allclose(images, slow_images(store, epoch, POLICY)[epoch.order.numpy()], atol=2e-2)


def test_images_and_labels_are_mixed_alike_with_those_before_them_in_the_batch(store):
    epoch = epoch_of(store, augmentations=(POLICY, MixUp(0.4)))
    expected = slow_images(store, epoch, POLICY)[epoch.order.numpy()]
    truth = store.labels[training_clips(store)][epoch.clip.numpy()[epoch.order.numpy()]].astype(np.float64)
    shares = epoch.drawn["mixup"].numpy()[epoch.order.numpy()]
    first = 0
    for images, labels in batches(feed_of(store, augmentations=(POLICY, MixUp(0.4))).dataset(epochs=1)):
        here = slice(first, first + len(images))
        for values, mixed in ((expected[here], images), (truth[here], labels)):
            own = shares[here].reshape(-1, *[1] * (values.ndim - 1))
            np.testing.assert_allclose(mixed, own * values + (1 - own) * np.roll(values, 1, axis=0), atol=2e-2)
        first += len(images)
    assert first == len(shares)
    assert np.any((shares > 0.05) & (shares < 0.95))


@pytest.mark.parametrize(
    "dtype, options",
    [
        ("uint8", {}),
        ("uint8", {"augmentations": (POLICY,), "augment": "double-curated"}),
        ("float16", {"noisy_weight": 0.35, "class_balanced": True, "augmentations": (SpecAugment.published("LD"),)}),
        ("float32", {"augmentations": (POLICY,)}),
    ],
)
def test_both_readers_give_the_same_examples_to_the_bit(open_store, dtype, options):
    memory, stream = (feed_of(open_store(dtype), reader, **options) for reader in READERS)
    assert (memory.reader_name, stream.reader_name) == READERS
    ours, theirs = (batches(some.dataset(3, epochs=5)) for some in (memory, stream))
    steps = memory.steps_per_epoch
    assert len(ours) == len(theirs) == 2 * steps
    for epoch in (slice(steps), slice(steps, None)):
        assert as_set(ours[epoch]) == as_set(theirs[epoch])


def mixed_batches(store, reader):
    """Two batches that a feed mixed all windows of, and the same windows alone, with the clips that they are of."""
    some, alone = (feed_of(store, reader, augmentations=(MixSounds(share),)) for share in (1.0, 0.0))
    return batches(some.dataset(epochs=1), 2), batches(alone.dataset(epochs=1), 2)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mixed_windows_are_the_sum_of_the_powers_of_the_stored_decibels(open_store, dtype, reader):
    store = open_store(dtype)
    (images, labels), *_ = mixed_batches(store, reader)[0]
    (raw, raw_labels), *_ = mixed_batches(store, reader)[1]
    spans = decibels_of(store, raw)
    for place in range(len(images)):
        expected = mix_oracle.mixed_image(raw[place, ..., 0], spans[place], raw[place - 1, ..., 0], spans[place - 1])
        np.testing.assert_allclose(images[place, ..., 0], expected, atol=0.01)
        np.testing.assert_array_equal(labels[place], np.maximum(raw_labels[place], raw_labels[place - 1]))


def decibels_of(store, images):
    """The range of each image in decibels, from the store's clip that holds it."""
    flat, config = store.read_log_mels(), store.config
    spans = []
    for image in images[..., 0]:
        for first, last, decibel_range in zip(
            flat.frame_offset, flat.frame_offset[1:], flat.decibel_range, strict=False
        ):
            levels = dequantise(flat.log_mel[first:last], decibel_range)
            for start in range(last - first - config.window_frames + 1):
                window = levels[start : start + config.window_frames]
                if np.allclose(oracle.scaled(window), image, atol=0.01):
                    spans.append(window.max() - window.min())
                    break
            else:
                continue
            break
    assert len(spans) == len(images)
    return spans


def test_spectra_are_shifted_by_what_is_drawn_for_each_example(store):
    augmentations = (FrequencyShift(shift_bands=2),)
    images, _ = joined(batches(feed_of(store, augmentations=augmentations).dataset(epochs=1)))
    raw, _ = joined(batches(feed_of(store).dataset(epochs=1)))
    epoch = epoch_of(store, augmentations=augmentations)
    shifts = epoch.drawn["frequency_shift"].shift.numpy()[epoch.order.numpy()]
    assert set(shifts.tolist()) == {-2, -1, 0, 1, 2}
    for image, before, by in zip(images, raw, shifts, strict=True):
        source = np.clip(np.arange(before.shape[1]) - by, 0, before.shape[1] - 1)
        np.testing.assert_array_equal(image, before[:, source])


def test_nearly_every_spectrum_is_stretched_where_that_is_asked_for(store):
    plain, _ = joined(batches(feed_of(store).dataset(epochs=1)))
    stretched, _ = joined(batches(feed_of(store, augmentations=(FrequencyShift(0, 0.25),)).dataset(epochs=1)))
    assert np.any(plain != stretched, axis=(1, 2, 3)).mean() > 0.9


def test_double_curated_uses_every_curated_clip_raw_and_augmented_and_every_noisy_one_raw(store):
    clips = training_clips(store)
    noisy = store.clips["split"].to_numpy()[clips] == "noisy"
    epoch = epoch_of(
        store,
        augmentations=(POLICY, MixUp(0.4)),
        weights=np.where(noisy, 1.0, 2.0),
        augment=np.where(noisy, 255, 1).astype(np.uint8),
    )
    order = epoch.order.numpy()
    images, labels = joined(
        batches(feed_of(store, augmentations=(POLICY, MixUp(0.4)), augment="double-curated").dataset(epochs=1))
    )
    assert len(images) == (~noisy).sum() * 2 + noisy.sum()
    augmented = epoch.augmented.numpy()[order]
    used = np.bincount(epoch.clip.numpy()[order][~augmented], minlength=len(clips))
    np.testing.assert_array_equal(used, np.ones(len(clips)))  # raw, once each
    used = np.bincount(epoch.clip.numpy()[order][augmented], minlength=len(clips))
    np.testing.assert_array_equal(used, ~noisy)
    # Raw ones are, to the bit, what a feed without augmentation would give.
    raw = raw_images(store, epoch)
    np.testing.assert_array_equal(images[~augmented], raw[~augmented])
    np.testing.assert_array_equal(labels[~augmented], store.labels[clips][epoch.clip.numpy()[order][~augmented]])
    changed = np.any(images != raw, axis=(1, 2, 3))
    assert changed[augmented].mean() > 0.9


def test_noisy_clips_are_used_as_often_as_they_weigh(store):
    clips = training_clips(store)
    noisy = store.clips["split"].to_numpy()[clips] == "noisy"
    some = feed_of(store, noisy_weight=0.25)
    assert some.steps_per_epoch == -(-round((~noisy).sum() + 0.25 * noisy.sum()) // BATCH)
    _, labels = joined(batches(feed_of(store, noisy_weight=0).dataset(epochs=1)))
    np.testing.assert_array_equal(labels.sum(axis=0), store.labels[clips][~noisy].sum(axis=0))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_finishing_inside_a_training_step_gives_the_numbers_of_the_tf_data_path(store, jit_compile):
    """Windows of bytes cross over to where the step runs, and are scaled, augmented and mixed there."""
    epoch = epoch_of(store, augmentations=(POLICY, MixUp(0.3)))
    reader = MemoryReader(store.read_log_mels(training_clips(store)), store.config)
    some = feed_of(store, augmentations=(POLICY, MixUp(0.3)))
    expected = batches(some.dataset(epochs=1), 3)

    @tf.function(jit_compile=jit_compile)
    def step(windows):
        return some.finish(windows)

    for windows, (images, labels) in zip(windows_of(reader, epoch, epoch.order[: 3 * BATCH]), expected, strict=True):
        assert windows.window.dtype == tf.uint8
        ours = step(windows)
        np.testing.assert_allclose(ours[0], images, atol=5e-3)
        np.testing.assert_allclose(ours[1], labels, atol=1e-6)


@pytest.mark.parametrize(
    "free, formats, expected",
    [(10**12, ("hdf5", "tfrecord"), "memory"), (1000, ("hdf5", "tfrecord"), "stream"), (1000, ("hdf5",), "memory")],
)
def test_auto_holds_the_store_in_memory_if_it_fits_or_cannot_be_streamed(store, monkeypatch, free, formats, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=free))
    header = dataclasses.replace(store.manifest.header, formats=formats)
    monkeypatch.setattr(store, "manifest", dataclasses.replace(store.manifest, header=header))
    assert feed._reader_name(store, training_clips(store), FeedConfig()) == expected


def test_streaming_from_a_store_without_tfrecord_files_is_refused_with_what_to_do(store, monkeypatch):
    header = dataclasses.replace(store.manifest.header, formats=("hdf5",))
    monkeypatch.setattr(store, "manifest", dataclasses.replace(store.manifest, header=header))
    with pytest.raises(DataError, match="tfrecord"):
        feed_of(store, "stream")


def test_a_feed_of_no_clips_is_refused(store):
    with pytest.raises(DataError, match="no clips to train on"):
        TrainingFeed(store, np.zeros(0, np.int64), FeedConfig())


def test_a_list_of_clips_and_the_stores_folder_give_the_same_batches(store):
    clips, config = training_clips(store), FeedConfig(batch_windows=BATCH, seed=4)
    expected = batches(TrainingFeed(store, clips, config).dataset(epochs=1))
    ours = batches(TrainingFeed(str(store.path), clips.tolist(), config).dataset(epochs=1))
    assert as_set(ours) == as_set(expected)


@pytest.mark.parametrize("reader", READERS)
def test_labels_given_in_place_of_the_stores_own_come_with_their_clips(store, reader):
    clips = training_clips(store)
    labels = np.random.default_rng(0).random((len(clips), store.labels.shape[1])).astype(np.float32)
    ours = TrainingFeed(store, clips, FeedConfig(batch_windows=BATCH, reader=reader, seed=4), labels)
    images, found = joined(batches(ours.dataset(epochs=1)))
    raw, own = joined(batches(feed_of(store, reader).dataset(epochs=1)))
    np.testing.assert_array_equal(images, raw)
    row = {label.tobytes(): place for place, label in enumerate(labels)}
    places = [row[label.tobytes()] for label in found]
    np.testing.assert_array_equal(store.labels[clips][places], own)


@pytest.mark.parametrize("wrong", [{"clips": [0, 99]}, {"clips": [0, 0]}, {"labels": np.full((2, 5), 7.0)}])
def test_clips_and_labels_that_do_not_fit_the_store_are_refused(store, wrong):
    with pytest.raises(DataError, match=f"^{next(iter(wrong))}: expected"):
        TrainingFeed(**{"store": store, "clips": [0, 1], "config": FeedConfig(), **wrong})


def test_the_example_of_the_documentation_runs(store):
    assert run_examples(TrainingFeed, store=store) > 0


def test_one_candidate_is_a_random_window(store):
    """Of a uniform number each: not the loudest of several."""
    clips = training_clips(store)
    epoch = Sampler(np.ones(len(clips)), np.zeros(len(clips), np.uint8), seed=4, candidates=1).epoch(0)
    images, _ = joined(batches(feed_of(store, candidates=1).dataset(epochs=1)))
    np.testing.assert_allclose(images, slow_images(store, epoch)[epoch.order.numpy()], atol=1e-3)
