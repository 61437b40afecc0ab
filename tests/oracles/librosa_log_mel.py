"""Log-mel by librosa, and energies one sample after the other."""

import librosa
import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import FeatureConfig


def mel_power(samples: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    """Mel powers, or magnitudes, in float64, ``(frames, mels)``."""
    return librosa.feature.melspectrogram(
        y=samples,
        sr=config.sample_rate_hz,
        n_fft=config.n_fft,
        hop_length=config.hop_samples,
        center=False,
        n_mels=config.mel_bands,
        fmin=config.fmin_hz,
        fmax=config.fmax_hz,
        power={"power": 2, "magnitude": 1}[config.spectrum],
        dtype=np.float64,
    ).T


def log_mel(samples: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    """Decibels in float64, ``(frames, mels)``."""
    if config.spectrum == "magnitude":
        return np.maximum(10 * np.log10(config.power_floor), 20 * np.log10(mel_power(samples, config)))
    return 10 * np.log10(np.maximum(config.power_floor, mel_power(samples, config)))


def energy_of_frames(samples: NDArray[np.int16], first: int, frames: int, config: FeatureConfig) -> int:
    """The sum of the squares of the samples in the whole hops that some frames see, in Python's integers."""
    start = first * config.hop_samples
    hops_a_frame = -(-(config.win_samples or config.n_fft) // config.hop_samples)
    end = start + (frames - 1 + hops_a_frame) * config.hop_samples
    return sum(value * value for value in samples[start:end].tolist())
