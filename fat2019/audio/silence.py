"""Silence removal: waveform -> the same waveform without its long pauses.

The definition is ``pydub.silence.split_on_silence`` with ``seek_step=1``, its pieces joined in order. pydub
asks for the rms of a slice at every millisecond; here the energies of all slices are differences of one
cumulative sum. Both give the same ranges, because these parts of the definition are kept to the letter:

- Positions are whole milliseconds, turned into samples by truncation: ``int(ms * (rate / 1000))``.
- A clip's length in milliseconds is rounded, half to even. Its last slice may reach past the last sample; the
  missing samples count as zeros. What lies beyond the last whole millisecond is dropped.
- The rms is an integer, rounded down before it is compared with the threshold.
- Two kept ranges that ``keep_silence_ms`` makes overlap meet in the middle of their overlap.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.energy import energy_of_rows
from fat2019.config.features import SilenceRule

Int16Array = NDArray[np.int16]
Int64Array = NDArray[np.int64]

_FULL_SCALE = 32_768  # 0 dBFS of int16, as pydub has it


def desilence(samples: Int16Array, rate: int, rule: SilenceRule) -> tuple[Int16Array, bool]:
    """The clip without its silences, and whether it had to be kept whole because nothing else is in it.

    Args:
        samples: int16, mono, ``(samples,)``.
        rate: samples per second, at least 1,000.
        rule: what counts as silence.

    Returns:
        int16 ``(kept samples,)``, a view of ``samples`` where one range is kept; and the flag.

    Raises:
        ValueError: as :func:`kept_ranges`.
    """
    ranges = kept_ranges(samples, rate, rule.min_silence_ms, rule.threshold_dbfs, rule.keep_silence_ms)
    if len(ranges) == 0:
        return samples, True
    pieces = [samples[start:end] for start, end in ranges.tolist()]
    return (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)), False


def kept_ranges(
    samples: Int16Array, rate: int, min_silence_ms: int, threshold_dbfs: float, keep_silence_ms: int
) -> Int64Array:
    """The sample ranges that remain when silence is removed.

    Args:
        samples: int16, mono, ``(samples,)``.
        rate: samples per second, at least 1,000.
        min_silence_ms: a shorter pause is no silence; at least 1.
        threshold_dbfs: a stretch of ``min_silence_ms`` is silent up to this rms, relative to full scale.
        keep_silence_ms: silence left on either side of what is kept; at least 0.

    Returns:
        int64 ``(ranges, 2)``: start and end, ascending, none empty, without overlap; ``(0, 2)`` if all is
        silent. Joined, they are pydub's pieces less the zeros, under 1 ms, that it may add at the clip's end.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: ``pydub.silence``, version 0.25.1.
    """
    _check(samples, rate, min_silence_ms, keep_silence_ms)
    length_ms = round(1000 * (len(samples) / rate))
    positions = _positions(length_ms, rate)  # (ms + 1,) of samples
    silences = _silences(samples, positions, min_silence_ms, threshold_dbfs)  # (silences, 2) in ms
    sounds = _complement(silences, length_ms)  # (ranges, 2) in ms
    widened = _widened(sounds, length_ms, keep_silence_ms)  # (ranges, 2) in ms
    return np.minimum(positions[widened], len(samples))  # (ranges, 2) in samples


def _check(samples: Int16Array, rate: int, min_silence_ms: int, keep_silence_ms: int) -> None:
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(f"samples: expected int16 (samples,), received {samples.dtype} {samples.shape}")
    if rate < 1000:
        raise ValueError(f"rate: expected at least 1000, one sample per millisecond, received {rate}")
    if min_silence_ms < 1:
        raise ValueError(f"min_silence_ms: expected at least 1, received {min_silence_ms}")
    if keep_silence_ms < 0:
        raise ValueError(f"keep_silence_ms: expected at least 0, received {keep_silence_ms}")


def _positions(length_ms: int, rate: int) -> Int64Array:
    """The sample at which each millisecond begins, ``(ms + 1,)``."""
    if rate % 1000 == 0:
        return np.arange(length_ms + 1) * (rate // 1000)
    return (np.arange(length_ms + 1) * (rate / 1000)).astype(np.int64)


def _silences(samples: Int16Array, positions: Int64Array, min_silence_ms: int, threshold_dbfs: float) -> Int64Array:
    """The silences in ms, ``(silences, 2)``: unions of the silent slices that touch or overlap."""
    if len(positions) - 1 < min_silence_ms:
        return np.empty((0, 2), np.int64)
    energy = _energy_until(samples, positions)  # (ms + 1,)
    # floor(sqrt(energy / n)) <= threshold, without the root and the division: all integers, hence exact.
    loud_rms = math.floor(min(10 ** (threshold_dbfs / 20), 1.0) * _FULL_SCALE) + 1
    slice_samples = positions[min_silence_ms:] - positions[:-min_silence_ms]
    slice_energy = energy[min_silence_ms:] - energy[:-min_silence_ms]
    firsts, lasts = _runs(slice_energy < loud_rms**2 * slice_samples)  # of starts of silent slices, in ms
    apart = firsts[1:] - lasts[:-1] > min_silence_ms
    firsts, lasts = firsts[np.append(True, apart)[: len(firsts)]], lasts[np.append(apart, True)[: len(lasts)]]
    return np.stack((firsts, lasts + min_silence_ms), axis=1)


def _runs(flags: NDArray[np.bool_]) -> tuple[Int64Array, Int64Array]:
    """The first and the last place of each run of true flags."""
    changed = np.empty(len(flags) + 1, np.bool_)
    changed[0], changed[-1] = flags[0], flags[-1]
    np.not_equal(flags[1:], flags[:-1], out=changed[1:-1])
    changes = np.flatnonzero(changed)
    return changes[::2], changes[1::2] - 1


def _energy_until(samples: Int16Array, positions: Int64Array) -> Int64Array:
    """The sum of the squares before each position, exact; beyond the last sample there are zeros."""
    ms, width = len(positions) - 1, int(positions[1])
    energy = np.zeros(ms + 1, np.int64)
    if positions[-1] == ms * width:
        whole = min(ms, len(samples) // width)
        energy[1 : whole + 1] = energy_of_rows(samples[: whole * width].reshape(whole, width))
        energy[whole + 1 :] = np.square(samples[whole * width :], dtype=np.int64).sum()  # a last row cut short
    else:
        squares = np.square(samples[: positions[-1]], dtype=np.int64)
        energy[1:] = np.add.reduceat(squares, positions[:-1])
    return np.cumsum(energy, out=energy)


def _complement(silences: Int64Array, length_ms: int) -> Int64Array:
    """What lies between the silences, in ms; no range is empty."""
    edges = np.concatenate(([0], silences.ravel(), [length_ms])).reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


def _widened(sounds: Int64Array, length_ms: int, keep_silence_ms: int) -> Int64Array:
    """The ranges with some silence on either side, in ms; neighbours that overlap meet halfway."""
    starts, ends = sounds[:, 0] - keep_silence_ms, sounds[:, 1] + keep_silence_ms
    middles = (ends[:-1] + starts[1:]) // 2
    overlap = starts[1:] < ends[:-1]
    ends[:-1][overlap] = middles[overlap]
    starts[1:][overlap] = middles[overlap]
    return np.clip(np.stack((starts, ends), axis=1), 0, length_ms)
