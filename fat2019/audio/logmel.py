"""Log-mel spectrogram: waveform -> (frames, mels) in decibels, and the energy of any stretch of frames.

Conventions: no centre padding, so frame f sees the samples from ``f * hop_samples`` on, and a window of
frames of the whole clip is the log-mel of the clip cut at that window. Periodic Hann window, power spectrum
of the signal in -1..1, librosa's default mel filters (Slaney's scale, area-normalised), ``10 * log10``.
"""

import dataclasses
import functools
import math

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fat2019.audio.energy import energy_of_rows
from fat2019.config.features import FeatureConfig

Samples = NDArray[np.int16 | np.float32]
Float32Array = NDArray[np.float32]
Int64Array = NDArray[np.int64]

# Few enough that the allocator keeps a block's temporaries for the next block (larger ones go back to the
# system, and their pages must be faulted in again: twice the time), many enough that the calls cost little.
_BLOCK_FRAMES = 128
_BANDS_PER_PRODUCT = 8


def log_mel(samples: Samples, config: FeatureConfig = FeatureConfig()) -> Float32Array:  # noqa: B008
    """The log-mel spectrogram of a clip.

    Args:
        samples: int16, or float32 in -1..1, mono, ``(samples,)``, at ``config.sample_rate_hz``.
        config: the definition.

    Returns:
        float32 ``(config.frames(samples), mel_bands)``: decibels relative to a power of 1, at least those of
        ``config.power_floor``.

    Raises:
        ValueError: another type or shape, or fewer samples than a frame has (see :func:`repeat_to`).
    """
    _check(samples, config)
    bank = _filter_bank(config)
    frames = sliding_window_view(samples, config.n_fft)[:: config.hop_samples]  # (frames, n_fft)
    window = bank.window_of_int16 if samples.dtype == np.int16 else bank.window
    mels = np.empty((len(frames), config.mel_bands), np.float32)
    for first in range(0, len(frames), _BLOCK_FRAMES):
        block = slice(first, first + _BLOCK_FRAMES)
        # Real and imaginary part lie side by side, and the weights have each bin's weight twice: one product
        # then adds the two squares and sums over the band.
        squares = scipy.fft.rfft(frames[block] * window).view(np.float32)  # (block, 2 * bins)
        np.square(squares, out=squares)
        for group in bank.groups:
            np.matmul(squares[:, group.columns], group.weights, out=mels[block, group.bands])
    return _decibels(mels, config.power_floor)  # (frames, mels)


def repeat_to(samples: Samples, minimum: int) -> Samples:
    """The clip, repeated until it has ``minimum`` samples and cut there; itself if it has them already.

    Raises:
        ValueError: there is nothing to repeat.

    Source: the report's ``largo_fijo``.
    """
    if len(samples) >= minimum:
        return samples
    if len(samples) == 0:
        raise ValueError("samples: expected at least one to repeat, received none")
    return np.resize(samples, minimum)


def cumulative_energy(samples: NDArray[np.int16], config: FeatureConfig = FeatureConfig()) -> Int64Array:  # noqa: B008
    """The energy before each hop boundary, so that any stretch of frames costs one subtraction.

    Args:
        samples: int16, mono, ``(samples,)``, at least ``n_fft``.
        config: the definition of frame and hop.

    Returns:
        int64 ``(frames + n_fft // hop_samples,)``, exact sums of squared samples, from 0 on. What the frames
        ``s .. s + window_frames - 1`` see has the energy ``e[s + window_hops] - e[s]``.

    Raises:
        ValueError: another type or shape, or fewer samples than a frame has.
    """
    _check(samples, config)
    if samples.dtype != np.int16:
        raise ValueError(f"samples: expected int16, whose energy is exact, received {samples.dtype}")
    hops = config.frames(len(samples)) - 1 + config.n_fft // config.hop_samples
    energy = np.zeros(hops + 1, np.int64)
    np.cumsum(energy_of_rows(samples[: hops * config.hop_samples].reshape(hops, -1)), out=energy[1:])
    return energy


def mel_filters(config: FeatureConfig) -> Float32Array:
    """The triangular mel filters of equal area: float32 ``(mel_bands, n_fft // 2 + 1)``.

    They are those of ``librosa.filters.mel``, written out because a worker takes more than a second to load it.
    """
    bins_hz = np.arange(config.n_fft // 2 + 1) * (config.sample_rate_hz / config.n_fft)
    lowest, highest = _mel_of_hz(config.fmin_hz), _mel_of_hz(config.fmax_hz)
    edges_hz = _hz_of_mel(np.linspace(lowest, highest, config.mel_bands + 2))[:, None]  # (mels + 2, 1)
    rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
    area = (edges_hz[2:] - edges_hz[:-2]) / 2
    return (np.maximum(0, np.minimum(rising, falling)) / area).astype(np.float32)


def hann_window(samples: int) -> NDArray[np.float64]:
    """The periodic Hann window, ``(samples,)``."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)


@dataclasses.dataclass(frozen=True)
class _BandGroup:
    """Neighbouring mel bands, and the columns of the squared spectrum on which they rest."""

    bands: slice
    columns: slice
    weights: Float32Array  # (columns, bands)


@dataclasses.dataclass(frozen=True)
class _FilterBank:
    window: Float32Array  # (n_fft,)
    window_of_int16: Float32Array  # (n_fft,), the scale to -1..1 within it
    groups: tuple[_BandGroup, ...]


@functools.lru_cache(maxsize=8)
def _filter_bank(config: FeatureConfig) -> _FilterBank:
    filters = mel_filters(config)
    window = hann_window(config.n_fft)
    return _FilterBank(
        window.astype(np.float32),
        (window / 32_768).astype(np.float32),
        tuple(_band_group(filters, first) for first in range(0, config.mel_bands, _BANDS_PER_PRODUCT)),
    )


# Slaney's scale: linear up to 1 kHz, 27 steps for a factor of 6.4 beyond.
_LINEAR_HZ, _LINEAR_MELS = 1_000.0, 15.0
_LOG_STEP = math.log(6.4) / 27


def _mel_of_hz(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz / _LINEAR_HZ * _LINEAR_MELS
    return _LINEAR_MELS + math.log(hz / _LINEAR_HZ) / _LOG_STEP


def _hz_of_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel / _LINEAR_MELS * _LINEAR_HZ
    return np.where(mel < _LINEAR_MELS, linear, _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MELS)))


def _band_group(filters: Float32Array, first: int) -> _BandGroup:
    bands = slice(first, first + _BANDS_PER_PRODUCT)
    bins = np.flatnonzero(filters[bands].any(axis=0))
    # Filters narrower than a bin can be empty; no columns then give a sum of 0.
    low, high = (bins[0], bins[-1] + 1) if len(bins) else (0, 0)
    weights = np.repeat(filters[bands, low:high].T, 2, axis=0)  # (2 * bins, bands)
    return _BandGroup(bands, slice(2 * low, 2 * high), np.ascontiguousarray(weights, np.float32))


def _decibels(power: Float32Array, power_floor: float) -> Float32Array:
    """``10 * log10(max(power_floor, power))`` in place, by the natural logarithm, which is the faster one."""
    with np.errstate(divide="ignore"):  # no power is -inf dB, and the floor then
        np.log(power, out=power)
    power *= np.float32(10 / math.log(10))
    # The floor comes last, so that digital silence is the floor to the last bit.
    return np.maximum(power, np.float32(10 * math.log10(power_floor)), out=power)


def _check(samples: Samples, config: FeatureConfig) -> None:
    if samples.dtype not in (np.int16, np.float32) or samples.ndim != 1:
        raise ValueError(f"samples: expected int16 or float32 (samples,), received {samples.dtype} {samples.shape}")
    if len(samples) < config.n_fft:
        raise ValueError(f"samples: expected at least {config.n_fft} (n_fft), received {len(samples)}")
