"""Batches of made-up images, as augmentations are given them."""

import numpy as np
import tensorflow as tf

from fat2019.augmentations.base import Batch
from fat2019.augmentations.random_numbers import RandomNumbers
from fat2019.feed.scale import ImageScale

FRAMES, BANDS = 92, 80


def random_images(seed, count=4, frames=FRAMES, bands=BANDS):
    return np.random.default_rng(seed).uniform(5, 255, (count, frames, bands)).astype(np.float32)


def scaled_images(seed, count=3, frames=5, bands=4):
    """As the feed scales them: each from 0 to 255."""
    images = random_images(seed, count, frames, bands)
    images[:, 0, 0], images[:, -1, -1] = 0, 255
    return images


def batch_of(images, labels=None, decibels=None, scale=None):
    """Images ``(batch, frames, mels)``; without labels and ranges each has a label of its own and 40 dB."""
    labels = np.eye(images.shape[0], dtype=np.float32) if labels is None else labels
    decibels = np.full(images.shape[0], 40, np.float32) if decibels is None else decibels
    return Batch(tf.convert_to_tensor(images), scale or ImageScale(), tf.constant(decibels), tf.constant(labels))


def numbers(examples, seed=0, epoch=0):
    """The random numbers of an epoch."""
    return RandomNumbers(tf.constant([seed, epoch], tf.int64), examples)


def drawn_by(augmentation, examples, augmented=True, seed=0, epoch=0):
    """What an augmentation draws for an epoch of so many examples, as NumPy arrays."""
    flags = tf.constant(np.broadcast_to(augmented, examples))
    return tf.nest.map_structure(
        lambda values: values.numpy(), augmentation.draw(numbers(examples, seed, epoch), flags)
    )
