"""Batches for training and evaluation: windows chosen, scaled, augmented and mixed, with their labels.

The stream of training batches is a function of (seed, epoch, step). What a batch holds does not depend on how many
threads made it, and a run that starts at epoch e, step k gets what an uninterrupted one gets there.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError
from fat2019.feed.augment import mix_sounds, mixup, move_bands, spec_augment
from fat2019.feed.sampling import Sampler, clip_weights
from fat2019.feed.sources import MemoryReader, Reader, StreamReader, Windows
from fat2019.feed.windows import loudest_start, tiled_starts, to_image
from fat2019.store.reader import FeatureStore, FlatLogMels

_BATCHES_AHEAD = 4
# One more than there are cores, since the one whose turn it is may be waiting to be taken.
_BATCHES_AT_ONCE = (os.cpu_count() or 1) + 1

# A store is held in memory if it takes no more than this share of what is free.
_SHARE_OF_FREE_MEMORY = 0.5


class TrainingFeed:
    """An endless, resumable stream of ``(images, labels)`` from the training clips of a store."""

    def __init__(
        self,
        store: FeatureStore,
        clips: npt.NDArray[np.int64],
        config: FeedConfig,
        labels: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """
        Args:
            store: where the log-mels are.
            clips: the training set, as indices into ``store.clips``.
            config: how batches are made.
            labels: ``(clips, classes)`` in 0..1, in place of the store's own.

        Raises:
            DataError: there is no clip, or the store has no TFRecord shards to stream from.
        """
        if not len(clips):
            raise DataError(f"{store.path}: there is no clip to train on")
        self.config = config
        self.features = store.config
        self._labels = tf.constant(store.labels[clips] if labels is None else labels, tf.float32)  # (clips, classes)
        self._sampler = _sampler(store, clips, config)
        self.reader_name = _reader_name(store, clips, config)
        self._reader = _reader(store, clips, self.reader_name)
        self._batch = self._batch_function()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self._sampler.entries // self.config.batch_windows)

    def dataset(
        self, first_epoch: int = 0, first_step: int = 0, *, epochs: int | None = None, shard: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """Batches from the given place on, epoch after epoch.

        Args:
            first_epoch: counted from 0.
            first_step: batches of that epoch to leave out.
            epochs: the epoch to stop before; none goes on for ever.
            shard: ``(i, n)`` gives the i-th of n workers its own entries of every epoch.

        Returns:
            Batches ``(images (batch, frames, mels, 1) float32 in 0..255, labels (batch, classes) float32)``.

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
        """Scale, augment, mix and label a batch of windows: a pure function, also for use in a training step."""
        treatment, policy = windows.treatment, self.config.spec_augment
        images = to_image(windows.window, windows.low, windows.high)  # (batch, frames, mels)
        labels = tf.gather(self._labels, windows.clip)  # (batch, classes)
        if self.config.shift_bands or self.config.stretch_bands:  # before mixing, so that each sound goes its own way
            images = move_bands(images, treatment.shift, treatment.stretch)
        if self.config.mix_share:
            images, labels = mix_sounds(
                images, labels, windows.decibels, treatment.mixed, treatment.level, treatment.turn
            )
        if policy is not None:
            images = spec_augment(images, treatment.spec_augment, policy, treatment.augmented)
        if self.config.mixup_alpha:
            images, labels = mixup(images, treatment.own_share), mixup(labels, treatment.own_share)
        return images[..., None], labels

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


class EvaluationWindows:
    """The fixed windows of some clips, and batches of their images."""

    def __init__(
        self,
        log_mels: FlatLogMels,
        config: FeatureConfig,
        *,
        windows: Literal["tiled", "max-energy"] = "tiled",
        hop_frames: int | None = None,
    ) -> None:
        """
        Args:
            log_mels: the clips.
            config: what they were computed with.
            windows: ``tiled`` covers every frame; ``max-energy`` is the loudest window alone.
            hop_frames: from one tile to the next, at most a window, which is the default.

        Raises:
            DataError: tiles so far apart would leave frames out.
        """
        hop = config.window_frames if hop_frames is None else hop_frames
        if not 1 <= hop <= config.window_frames:
            raise DataError(f"hop_frames: expected 1 to {config.window_frames}, received {hop}")
        self._reader = MemoryReader(log_mels, config)
        starts = [_starts(log_mels, clip, config, windows, hop) for clip in range(len(log_mels.frame_offset) - 1)]
        self.start = np.concatenate(starts) if starts else np.zeros(0, np.int64)  # (windows,)
        self.clip = np.repeat(np.arange(len(starts)), [len(start) for start in starts])  # (windows,)

    def dataset(self, batch_windows: int = 64) -> tf.data.Dataset:
        """Batches of ``(images (batch, frames, mels, 1) float32 in 0..255, clips (batch,) int64)``, in order."""

        def images(clip: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            row, low, high = self._reader.locate(clip, start)
            return to_image(self._reader.gather(row), low, high)[..., None], clip

        places = tf.data.Dataset.from_tensor_slices((self.clip.astype(np.int64), self.start)).batch(batch_windows)
        return places.map(images, num_parallel_calls=tf.data.AUTOTUNE).prefetch(_BATCHES_AHEAD)


def _starts(
    log_mels: FlatLogMels, clip: int, config: FeatureConfig, windows: str, hop_frames: int
) -> npt.NDArray[np.int64]:
    frames = int(log_mels.frame_offset[clip + 1] - log_mels.frame_offset[clip])
    if windows == "tiled":
        return tiled_starts(frames, config.window_frames, hop_frames)
    energy = log_mels.energy[log_mels.energy_offset[clip] : log_mels.energy_offset[clip + 1]]
    return loudest_start(energy, config.window_frames, config.window_hops, frames)


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
        spec_augment_uniforms=config.spec_augment.uniforms if config.spec_augment else 0,
        mixup_alpha=config.mixup_alpha,
        mix_share=config.mix_share,
        mix_level_db=config.mix_level_db,
        mix_in_turn=config.mix_in_turn,
        shift_bands=config.shift_bands,
        stretch_bands=config.stretch_bands,
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
