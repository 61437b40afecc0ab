"""Feeds of the clips of a test's store, and what comes out of them."""

import itertools

import numpy as np

from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.feed.training import TrainingFeed

READERS = ("memory", "stream")
POLICY = SpecAugment(time_warp_frames=20, fill="mean")
BATCH = 7  # divides no count of clips here


def training_clips(store):
    """Most clips of both training parts, in no order."""
    clips = np.flatnonzero(store.clips["split"] != "test")
    return np.random.default_rng(0).permutation(clips)[:-3]


def feed_of(store, reader="memory", **options):
    return TrainingFeed(
        store, training_clips(store), FeedConfig(**{"batch_windows": BATCH, "reader": reader, "seed": 4, **options})
    )


def batches(dataset, count=None):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def joined(some_batches):
    return tuple(np.concatenate(parts) for parts in zip(*some_batches, strict=True))


def as_set(some_batches):
    """Every example's bytes, sorted: to compare feeds of other orders to the bit."""
    return sorted((image.tobytes(), labels.tobytes()) for image, labels in zip(*joined(some_batches), strict=True))
