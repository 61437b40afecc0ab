"""Triangular mel filters, as librosa and as TensorFlow define them.

Both are written out here: a worker takes more than a second to load librosa, and several to load TensorFlow.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import FeatureConfig

Float32Array = NDArray[np.float32]


def mel_filters(config: FeatureConfig) -> Float32Array:
    """The weight of each bin in each band: float32 ``(mel_bands, n_fft // 2 + 1)``.

    ``reference="librosa"``: ``librosa.filters.mel``, triangles over Hz of equal area, between edges on Slaney's scale.
    ``reference="tensorflow"``: ``tf.signal.linear_to_mel_weight_matrix``, triangles over mels of height 1, between
    edges on HTK's scale, and none of the constant part.
    """
    bins_hz = np.arange(config.n_fft // 2 + 1, dtype=np.float64) * (config.sample_rate_hz / config.n_fft)
    filters = {"librosa": _librosa_filters, "tensorflow": _tensorflow_filters}[config.reference](bins_hz, config)
    return filters.astype(np.float32)


def _librosa_filters(bins_hz: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    lowest, highest = _slaney_mel(config.fmin_hz), _slaney_mel(config.fmax_hz)
    edges_hz = _hz_of_slaney_mel(np.linspace(lowest, highest, config.mel_bands + 2))  # (mels + 2,)
    area = (edges_hz[2:] - edges_hz[:-2])[:, None] / 2
    return _triangles(bins_hz, edges_hz) / area


def _tensorflow_filters(bins_hz: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    lowest, highest = _htk_mel(np.array([config.fmin_hz, config.fmax_hz]))
    filters = _triangles(_htk_mel(bins_hz), np.linspace(lowest, highest, config.mel_bands + 2))
    filters[:, 0] = 0
    return filters


def _triangles(bins: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 at an edge to 1 at the next and back: ``(bins,)``, ``(bands + 2,)`` -> ``(bands, bins)``."""
    edges = edges[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


# Slaney's scale: linear up to 1 kHz, 27 steps for a factor of 6.4 beyond.
_LINEAR_HZ, _LINEAR_MELS = 1_000.0, 15.0
_LOG_STEP = math.log(6.4) / 27


def _slaney_mel(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz / _LINEAR_HZ * _LINEAR_MELS
    return _LINEAR_MELS + math.log(hz / _LINEAR_HZ) / _LOG_STEP


def _hz_of_slaney_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel / _LINEAR_MELS * _LINEAR_HZ
    return np.where(mel < _LINEAR_MELS, linear, _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MELS)))


def _htk_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127 * np.log1p(hz / 700)
