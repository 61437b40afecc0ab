"""Whole log-mels kept by ``tf.data``'s own cache, and a random crop of each in every epoch."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from fat2019.augmentations.base import Batch
from fat2019.augmentations.spec_augment import Drawn, SpecAugment
from fat2019.feed.scale import ImageScale
from rivals import BATCH_WINDOWS, MASKS, MEL_BANDS, WIDEST_BANDS, WIDEST_FRAMES, WINDOW_FRAMES


def tf_data_cache(shards: Sequence[Path], clips: int, classes: int) -> tf.data.Dataset:
    """The way of TensorFlow's guide "Better performance with the tf.data API" and TensorFlow Datasets' tips.

    Parse once and cache, shuffle after the cache, crop each, then everything else on the batch ("Vectorizing mapping").

    Args:
        shards: TFRecord files of log-mels in uint8.
        clips: records in them, the shuffle buffer's size.
        classes: labels of each.
    """
    policy = SpecAugment(
        frequency_masks=MASKS, frequency_mask_bands=WIDEST_BANDS, time_masks=MASKS, time_mask_frames=WIDEST_FRAMES
    )

    def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_single_example(
            record, {name: tf.io.FixedLenFeature([], tf.string) for name in ("log_mel", "labels")}
        )
        log_mel = tf.reshape(tf.io.decode_raw(features["log_mel"], tf.uint8), [-1, MEL_BANDS])  # (frames, mels)
        return log_mel, tf.ensure_shape(tf.io.decode_raw(features["labels"], tf.uint8), [classes])

    def crop(log_mel: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.image.random_crop(log_mel, [WINDOW_FRAMES, MEL_BANDS]), labels

    def finish(windows: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scale, count = ImageScale(), tf.shape(windows)[0]
        images = scale.feed(windows, tf.reduce_min(windows, axis=[1, 2]), tf.reduce_max(windows, axis=[1, 2]))
        batch = Batch(images, scale, decibels=tf.zeros(count), labels=tf.cast(labels, tf.float32))
        drawn = Drawn(tf.random.uniform([count, policy.uniforms]), tf.fill([count], True))
        return policy.apply(batch, drawn).images[..., None], batch.labels

    cached = (
        tf.data.TFRecordDataset([str(path) for path in shards], num_parallel_reads=tf.data.AUTOTUNE)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        .cache()
    )
    cached.reduce(0, lambda count, _: count + 1)  # fill it before anyone is timed
    return (
        cached.shuffle(clips)
        .repeat()
        .map(crop, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH_WINDOWS)
        .map(finish, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
