"""Log-mel spectrogram: waveform -> (frames, mels), and the energy of any stretch of frames.

Conventions: no centre padding, so frame f sees the samples from ``f * hop_samples`` on, and a window of
frames of the whole clip is the log-mel of the clip cut at that window. Periodic Hann window, power or magnitude
spectrum of the signal in -1..1, librosa's or TensorFlow's mel filters, decibels or the natural logarithm.
"""

import dataclasses
import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fat2019.audio.energy import energy_of_rows
from fat2019.audio.hann import hann_window, tensorflow_hann_window
from fat2019.audio.mel import mel_filters
from fat2019.config.features import DECIBELS_PER_FACTOR_OF_TEN, FeatureConfig
from fat2019.utils.lazy import LazyModule

if TYPE_CHECKING:
    import scipy.fft as scipy_fft
else:
    scipy_fft = LazyModule("scipy.fft")  # the import takes as long as all others here

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
        float32 ``(config.frames(samples), mel_bands)``: decibels relative to a power of 1, or natural logarithms; at
        least ``config.log_floor``.

    Raises:
        ValueError: another type or shape, or fewer samples than a frame has (see :func:`repeat_to`).
    """
    _check(samples, config)
    bank = _filter_bank(config)
    frames = sliding_window_view(samples, config.frame_samples)[:: config.hop_samples]  # (frames, frame_samples)
    window = bank.window_of_int16 if samples.dtype == np.int16 else bank.window
    columns_of = _SPECTRUM_COLUMNS[config.spectrum]
    mels = np.empty((len(frames), config.mel_bands), np.float32)
    for first in range(0, len(frames), _BLOCK_FRAMES):
        block = slice(first, first + _BLOCK_FRAMES)
        columns = columns_of(scipy_fft.rfft(frames[block] * window, config.n_fft))  # (block, columns)
        for group in bank.groups:
            np.matmul(columns[:, group.columns], group.weights, out=mels[block, group.bands])
    return _logarithm(mels, config)  # (frames, mels)


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
        samples: int16, mono, ``(samples,)``, at least ``frame_samples``.
        config: the definition of frame and hop.

    Returns:
        int64 ``(hops(frames) + 1,)``, exact sums of squared samples, from 0 on. What the frames
        ``s .. s + window_frames - 1`` see has the energy ``e[s + window_hops] - e[s]``. Where a frame is no whole
        number of hops, that is the energy of the whole hops that cover it, silence following the end of the clip.

    Raises:
        ValueError: another type or shape, or fewer samples than a frame has.
    """
    _check(samples, config)
    if samples.dtype != np.int16:
        raise ValueError(f"samples: expected int16, whose energy is exact, received {samples.dtype}")
    hops = config.hops(config.frames(len(samples)))
    missing = max(0, hops * config.hop_samples - len(samples))  # less than a hop
    covered = np.pad(samples, (0, missing)) if missing else samples[: hops * config.hop_samples]
    energy = np.zeros(hops + 1, np.int64)
    np.cumsum(energy_of_rows(covered.reshape(hops, -1)), out=energy[1:])
    return energy


def frame_window(config: FeatureConfig) -> Float32Array:
    """What each frame is multiplied by: a periodic Hann window, float32 ``(frame_samples,)``."""
    if config.reference == "tensorflow":
        return tensorflow_hann_window(config.frame_samples)
    return hann_window(config.frame_samples).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class _BandGroup:
    """Neighbouring mel bands, and the columns of the spectrum on which they rest."""

    bands: slice
    columns: slice
    weights: Float32Array  # (columns, bands)


@dataclasses.dataclass(frozen=True)
class _FilterBank:
    window: Float32Array  # (frame_samples,)
    window_of_int16: Float32Array  # (frame_samples,), the scale to -1..1 within it
    groups: tuple[_BandGroup, ...]


@functools.lru_cache(maxsize=8)
def _filter_bank(config: FeatureConfig) -> _FilterBank:
    filters = mel_filters(config)
    window = frame_window(config)
    columns_per_bin = 2 if config.spectrum == "power" else 1
    return _FilterBank(
        window,
        window / np.float32(32_768),
        tuple(_band_group(filters, first, columns_per_bin) for first in range(0, config.mel_bands, _BANDS_PER_PRODUCT)),
    )


def _squares(spectrum: NDArray[np.complex64]) -> Float32Array:
    """Squared real and imaginary parts side by side, ``(frames, 2 * bins)``.

    The weights have each bin's weight twice: one product then adds the two squares and sums over the band.
    """
    squares = spectrum.view(np.float32)
    return np.square(squares, out=squares)


def _magnitudes(spectrum: NDArray[np.complex64]) -> Float32Array:
    """``(frames, bins)``."""
    return np.abs(spectrum)


_SPECTRUM_COLUMNS = {"power": _squares, "magnitude": _magnitudes}


def _band_group(filters: Float32Array, first: int, columns_per_bin: int) -> _BandGroup:
    bands = slice(first, first + _BANDS_PER_PRODUCT)
    bins = np.flatnonzero(filters[bands].any(axis=0))
    # Filters narrower than a bin can be empty; no columns then give a sum of 0.
    low, high = (bins[0], bins[-1] + 1) if len(bins) else (0, 0)
    weights = np.repeat(filters[bands, low:high].T, columns_per_bin, axis=0)  # (columns, bands)
    columns = slice(columns_per_bin * low, columns_per_bin * high)
    return _BandGroup(bands, columns, np.ascontiguousarray(weights, np.float32))


def _logarithm(mels: Float32Array, config: FeatureConfig) -> Float32Array:
    """In place: ``ln(mel + log_offset)``; or decibels of power, at least the floor."""
    if config.log == "natural":
        mels += np.float32(config.log_offset)
        return np.log(mels, out=mels)
    with np.errstate(divide="ignore"):  # no power is -inf dB, and the floor then
        np.log(mels, out=mels)  # the fastest logarithm there is
    mels *= np.float32(DECIBELS_PER_FACTOR_OF_TEN[config.spectrum] / math.log(10))
    # The floor comes last, so that digital silence is the floor to the last bit.
    return np.maximum(mels, np.float32(config.log_floor), out=mels)


def _check(samples: Samples, config: FeatureConfig) -> None:
    if samples.dtype not in (np.int16, np.float32) or samples.ndim != 1:
        raise ValueError(f"samples: expected int16 or float32 (samples,), received {samples.dtype} {samples.shape}")
    if len(samples) < config.frame_samples:
        name = "win_samples" if config.win_samples else "n_fft"
        raise ValueError(f"samples: expected at least {config.frame_samples} ({name}), received {len(samples)}")
