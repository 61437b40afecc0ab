"""Log-mels between float32 and the type in which they are stored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import FeatureConfig


def stored_type(config: FeatureConfig) -> np.dtype[Any]:
    """The type of stored log-mels, little-endian."""
    return np.dtype(config.dtype).newbyteorder("<")


def quantise(log_mel: NDArray[np.float32], config: FeatureConfig) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """A log-mel, whatever its logarithm, -> the stored type, and the clip's least and greatest value ``(2,)``.

    uint8 spreads each clip's own range over 0..255 (a range of one value is all 0); float types keep the values.
    """
    low, high = log_mel.min(), log_mel.max()
    value_range = np.array([low, high], np.float32)
    if config.dtype != "uint8":
        return log_mel.astype(stored_type(config)), value_range
    if low == high:
        return np.zeros(log_mel.shape, np.uint8), value_range
    return np.rint((log_mel - low) * (np.float32(255) / (high - low))).astype(np.uint8), value_range


def dequantise(stored: NDArray[Any], value_range: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of :func:`quantise`, but for its rounding: float32 ``(frames, mels)``."""
    values = stored.astype(np.float32)
    if stored.dtype != np.uint8:
        return values
    low, high = value_range
    return values * ((high - low) / np.float32(255)) + low
