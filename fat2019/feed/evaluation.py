"""Batches for evaluation: the fixed windows of clips, in order."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.feed.arguments import Clips, Labels, clip_indices, clip_labels, open_store
from fat2019.feed.scale import scale_of
from fat2019.feed.sources import MemoryReader
from fat2019.feed.tiles import tiled_starts
from fat2019.feed.windows import max_energy_start
from fat2019.store.reader import FeatureStore, FlatLogMels

_BATCHES_AHEAD = 4


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
            windows: ``tiled`` covers every frame; ``max-energy`` takes one window per clip.
            hop_frames: hop between tiles, at most a window, which is the default.

        Raises:
            DataError: unknown ``windows``, or a hop that would leave out frames.
        """
        if windows not in ("tiled", "max-energy"):
            raise DataError(f"windows: expected tiled or max-energy, received {windows!r}")
        hop = config.window_frames if hop_frames is None else hop_frames
        if not 1 <= hop <= config.window_frames:
            raise DataError(f"hop_frames: expected 1 to {config.window_frames}, received {hop}")
        self._reader = MemoryReader(log_mels, config)
        self._scale = scale_of(config)
        starts = [_starts(log_mels, clip, config, windows, hop) for clip in range(len(log_mels.frame_offset) - 1)]
        self.start = np.concatenate(starts) if starts else np.zeros(0, np.int64)  # (windows,)
        self.clip = np.repeat(np.arange(len(starts)), [len(start) for start in starts])  # (windows,)

    def dataset(self, batch_windows: int = 64) -> tf.data.Dataset:
        """Batches of ``(images (batch, frames, mels, 1) float32 in 0..255, clips (batch,) int64)``, in order."""

        def images(clip: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            row, low, high = self._reader.locate(clip, start)
            return self._scale.feed(self._reader.gather(row), low, high)[..., None], clip

        places = tf.data.Dataset.from_tensor_slices((self.clip.astype(np.int64), self.start)).batch(batch_windows)
        return places.map(images, num_parallel_calls=tf.data.AUTOTUNE).prefetch(_BATCHES_AHEAD)


class EvaluationFeed:
    """Windows of some clips with the clips' labels, for Keras's ``evaluate`` and ``validation_data``.

    By default there is one window per clip, its max-energy window, so metrics over windows are metrics over clips. With
    tiles, long clips have more windows; :func:`fat2019.scoring.inference.score_clips` averages over each clip's tiles.

    Examples:
        >>> feed = EvaluationFeed(store, np.flatnonzero(store.clips["split"] == "curated"))
        >>> images, labels = next(iter(feed.dataset(batch_windows=4)))
        >>> images.shape, labels.shape
        (TensorShape([4, 92, 80, 1]), TensorShape([4, 5]))
    """

    def __init__(
        self,
        store: FeatureStore | Path | str,
        clips: Clips,
        labels: Labels | None = None,
        *,
        windows: Literal["tiled", "max-energy"] = "max-energy",
        hop_frames: int | None = None,
    ) -> None:
        """
        Args:
            store: a store, or its folder.
            clips: unique indices into ``store.clips``; their log-mels are cached in memory.
            labels: ``(clips, classes)`` in 0..1, one row per clip of ``clips``, instead of the store's labels.
            windows: ``max-energy`` takes one window per clip, ``tiled`` covers every frame.
            hop_frames: hop between tiles, at most a window, which is the default.

        Raises:
            DataError: clips or labels do not fit the store, or the hop would leave out frames.
        """
        store = open_store(store)
        clips = clip_indices(store, clips)
        self._labels = tf.constant(clip_labels(store, clips, labels))  # (clips, classes)
        self._windows = EvaluationWindows(
            store.read_log_mels(clips), store.config, windows=windows, hop_frames=hop_frames
        )

    @property
    def clip(self) -> npt.NDArray[np.int64]:
        """The clip of each window, ``(windows,)``, as an index into ``clips``."""
        return self._windows.clip

    def dataset(self, batch_windows: int = 64) -> tf.data.Dataset:
        """Batches of ``(images (batch, frames, mels, 1), labels (batch, classes))``, float32 and in order."""
        batches = self._windows.dataset(batch_windows)
        return batches.map(lambda images, clip: (images, tf.gather(self._labels, clip)))


def _starts(
    log_mels: FlatLogMels, clip: int, config: FeatureConfig, windows: str, hop_frames: int
) -> npt.NDArray[np.int64]:
    frames = int(log_mels.frame_offset[clip + 1] - log_mels.frame_offset[clip])
    if windows == "tiled":
        return tiled_starts(frames, config.window_frames, hop_frames)
    energy = log_mels.energy[log_mels.energy_offset[clip] : log_mels.energy_offset[clip + 1]]
    return max_energy_start(energy, config.window_frames, config.window_hops, frames)
