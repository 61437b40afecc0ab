"""The windows that cover a clip, as images, in NumPy: for what must start without TensorFlow."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fat2019.config.features import FeatureConfig

IMAGE_MAXIMUM = 255.0


def tiled_starts(frames: int, window_frames: int, hop_frames: int) -> npt.NDArray[np.int64]:
    """First frames of windows that cover every frame of a clip: every ``hop_frames``, the last at its end."""
    last = frames - window_frames
    starts = np.arange(0, last, hop_frames, dtype=np.int64)
    return np.append(starts, np.int64(last))


def tiles(
    log_mels: Sequence[npt.NDArray[Any]], config: FeatureConfig, hop_frames: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The windows that cover some clips, as :class:`fat2019.feed.evaluation.EvaluationWindows` has them.

    Args:
        log_mels: ``(frames, mels)`` of each clip.
        config: what they were computed with.
        hop_frames: from one window to the next; by default a whole window.

    Returns:
        The number of each window's clip, and its first frame there, both ``(windows,)``.
    """
    hop = hop_frames or config.window_frames
    starts = [tiled_starts(len(log_mel), config.window_frames, hop) for log_mel in log_mels]
    return np.repeat(np.arange(len(starts)), [len(some) for some in starts]), np.concatenate(starts)


def cut(
    log_mels: Sequence[npt.NDArray[Any]],
    clips: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    config: FeatureConfig,
) -> npt.NDArray[np.float32]:
    """What a network is fed of some windows, ``(windows, frames, mels, 1)``: images, or log-mels as they are."""
    frames = config.window_frames
    windows = np.stack([log_mels[clip][start : start + frames] for clip, start in zip(clips, starts, strict=True)])
    return (to_image(windows) if config.scaling == "image" else windows.astype(np.float32))[..., None]


def to_image(windows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Each window ``(windows, frames, mels)`` from its own range to 0..255, as the feed's own function does it."""
    values = windows.astype(np.float32)
    low = values.min(axis=(1, 2), keepdims=True)
    span = values.max(axis=(1, 2), keepdims=True) - low  # (windows, 1, 1)
    maximum = np.float32(IMAGE_MAXIMUM)
    scale = np.divide(maximum, span, out=np.zeros_like(span), where=span > 0)
    # The quotient may be rounded up, and the greatest value would then become 255.00002.
    scale = np.where(span * scale > maximum, np.nextafter(scale, np.float32(0)), scale)
    return (values - low) * scale
