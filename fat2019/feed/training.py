"""Batches for training: windows chosen, scaled and augmented, with their labels.

The stream of training batches is a function of (seed, epoch, step). A batch does not depend on the number of threads,
and a run that starts at epoch e, step k gets the batches that an uninterrupted run gets from there.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.augmentations.base import Batch
from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError
from fat2019.feed.arguments import Clips, Labels, clip_indices, clip_labels, open_store
from fat2019.feed.sampling import Sampler, clip_weights
from fat2019.feed.scale import scale_of
from fat2019.feed.sources import MemoryReader, Reader, StreamReader, Windows
from fat2019.store.reader import FeatureStore
from fat2019.utils.cores import cores

_BATCHES_AHEAD = 4
# One more than there are cores, since the one whose turn it is may be waiting to be taken.
_BATCHES_AT_ONCE = cores() + 1

# A store is held in memory if it takes no more than this share of what is free.
_SHARE_OF_FREE_MEMORY = 0.5


class TrainingFeed:
    """An endless, resumable stream of ``(images, labels)`` from the training clips of a store.

    Examples:
        >>> from fat2019.augmentations.mixup import MixUp
        >>> clips = np.flatnonzero(store.clips["split"] == "curated")
        >>> feed = TrainingFeed(store, clips, FeedConfig(batch_windows=4, augmentations=(MixUp(0.2),)))
        >>> images, labels = next(iter(feed.dataset()))
        >>> images.shape, labels.shape
        (TensorShape([4, 92, 80, 1]), TensorShape([4, 5]))
    """

    def __init__(
        self,
        store: FeatureStore | Path | str,
        clips: Clips,
        config: FeedConfig,
        labels: Labels | None = None,
    ) -> None:
        """
        Args:
            store: a store, or its folder.
            clips: the training set, as unique indices into ``store.clips``.
            config: batch size, sampling and augmentation.
            labels: ``(clips, classes)`` in 0..1, one row per clip of ``clips``, instead of the store's labels.

        Raises:
            DataError: ``clips`` is empty, clips or labels do not fit the store, or there are no TFRecord shards to
                stream from.
        """
        store = open_store(store)
        clips = clip_indices(store, clips)
        if not len(clips):
            raise DataError(f"{store.path}: no clips to train on")
        self.config = config
        self.features = store.config
        self._scale = scale_of(store.config)
        self._labels = tf.constant(clip_labels(store, clips, labels))  # (clips, classes)
        self._sampler = _sampler(store, clips, config)
        self.reader_name = _reader_name(store, clips, config)
        self._reader = _reader(store, clips, self.reader_name)
        self._batch = self._batch_function()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self._sampler.examples // self.config.batch_windows)

    def dataset(
        self, first_epoch: int = 0, first_step: int = 0, *, epochs: int | None = None, shard: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """Batches from the given place on, epoch after epoch.

        Args:
            first_epoch: counted from 0.
            first_step: batches of that epoch to leave out.
            epochs: the epoch to stop before; none is without end.
            shard: ``(i, n)`` gives the i-th of n workers its own examples of every epoch.

        Returns:
            Batches ``(images (batch, frames, mels, 1) float32, labels (batch, classes) float32)``; images are in
            0..255, or log-mels as they are where the features say ``scaling="none"``.

        Raises:
            DataError: there is no such shard.
        """
        if not 0 <= shard[0] < shard[1]:
            raise DataError(f"shard: expected (i, n) with 0 <= i < n, received {shard}")
        numbers = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max if epochs is None else epochs)
        batches = numbers.flat_map(
            lambda number: self._epoch(
                number, tf.where(number == first_epoch, np.int64(first_step), np.int64(0)), shard
            )
        )
        return batches.prefetch(_BATCHES_AHEAD).with_options(_options())

    def reading(self) -> AbstractContextManager[None]:
        """To take batches within: what goes wrong with a file of the store is then a DataError that names it."""
        return self._reader.reading()

    def finish(self, windows: Windows) -> tuple[tf.Tensor, tf.Tensor]:
        """Scale, label and augment a batch of windows: a pure function, also for use in a training step."""
        images = self._scale.feed(windows.window, windows.low, windows.high)  # (batch, frames, mels)
        batch = Batch(images, self._scale, windows.decibels, tf.gather(self._labels, windows.clip))
        for augmentation in self.config.augmentations:
            batch = augmentation.apply(batch, windows.drawn[augmentation.name])
        return batch.images[..., None], batch.labels

    def _epoch(self, number: tf.Tensor, skipped_batches: tf.Tensor, shard: tuple[int, int]) -> tf.data.Dataset:
        epoch = self._sampler.epoch(number)
        batch = self.config.batch_windows
        ids = epoch.order[shard[0] :: shard[1]]
        skippable = isinstance(self._reader, MemoryReader)  # which need not read what it skips
        if skippable:
            ids = ids[skipped_batches * batch :]
        places = self._reader.places(epoch, ids).rebatch(batch)
        if not skippable:
            places = places.skip(skipped_batches)
        return places.map(self._batch, num_parallel_calls=_BATCHES_AT_ONCE, deterministic=True)

    def _batch_function(self) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        """From a batch of places to its images and labels, as much of it as can be in one compiled loop.

        Such a loop writes each image once, where op by op it would be written three to seven times, and where the
        windows are in memory it reads them from there, without a copy of them in between.
        """
        if isinstance(self._reader, MemoryReader):
            return tf.function(lambda *place: self.finish(self._reader.cut(*place)), jit_compile=True)
        finish = tf.function(self.finish, jit_compile=True)
        return lambda *place: finish(self._reader.cut(*place))  # records are strings, and no strings can be compiled


def _sampler(store: FeatureStore, clips: npt.NDArray[np.int64], config: FeedConfig) -> Sampler:
    noisy = (store.clips["split"].to_numpy() == "noisy")[clips]
    weights = clip_weights(
        store.labels[clips], noisy, noisy_weight=config.noisy_weight, class_balanced=config.class_balanced
    )
    augment = np.zeros(len(clips), np.uint8)
    if config.augment == "double-curated":
        weights = np.where(noisy, weights, 2 * weights)
        augment = np.where(noisy, np.iinfo(np.uint8).max, 1).astype(np.uint8)
    return Sampler(
        weights,
        augment,
        seed=config.seed,
        candidates=config.candidates,
        augmentations=config.augmentations,
    )


def _reader_name(store: FeatureStore, clips: npt.NDArray[np.int64], config: FeedConfig) -> Literal["memory", "stream"]:
    if config.reader != "auto":
        return config.reader
    import psutil

    frames = int(store.clips["frames"].to_numpy()[clips].sum())
    needed = frames * store.config.mel_bands * np.dtype(store.config.dtype).itemsize
    fits = needed <= _SHARE_OF_FREE_MEMORY * psutil.virtual_memory().available
    return "memory" if fits or not store.can_be_streamed else "stream"


def _reader(store: FeatureStore, clips: npt.NDArray[np.int64], name: str) -> Reader:
    if name == "memory":
        return MemoryReader(store.read_log_mels(clips), store.config)
    index = np.full(len(store.clips), -1, np.int64)
    index[clips] = np.arange(len(clips))
    return StreamReader(store.log_mel_files(), index, store.config)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Rewriting the graph would copy the log-mels that it holds, and there is nothing in it left to improve.
    options.experimental_optimization.apply_default_optimizations = False
    # Left to tune itself, tf.data lets its buffers grow to half of the machine's memory, and its own look for better
    # settings costs time: what is to be tuned here is known.
    options.autotune.enabled = False
    options.threading.max_intra_op_parallelism = 1  # batches run side by side; splitting one op only costs
    return options
