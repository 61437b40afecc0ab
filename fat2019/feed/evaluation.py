"""Batches for evaluation: the fixed windows of clips, in order."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.feed.scale import scale_of
from fat2019.feed.sources import MemoryReader
from fat2019.feed.windows import max_energy_start, tiled_starts
from fat2019.store.reader import FlatLogMels

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
            windows: ``tiled`` covers every frame; ``max-energy`` is the one of most energy.
            hop_frames: from one tile to the next, at most a window, which is the default.

        Raises:
            DataError: tiles so far apart would leave frames out.
        """
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


def _starts(
    log_mels: FlatLogMels, clip: int, config: FeatureConfig, windows: str, hop_frames: int
) -> npt.NDArray[np.int64]:
    frames = int(log_mels.frame_offset[clip + 1] - log_mels.frame_offset[clip])
    if windows == "tiled":
        return tiled_starts(frames, config.window_frames, hop_frames)
    energy = log_mels.energy[log_mels.energy_offset[clip] : log_mels.energy_offset[clip + 1]]
    return max_energy_start(energy, config.window_frames, config.window_hops, frames)
