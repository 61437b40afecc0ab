"""An audio file -> mono int16 samples at the rate of the features.

Whatever libsndfile decodes is read: any rate, channels and sample format. Channels are averaged, then the
rate is changed by soxr's high-quality filter, block by block with the result of one pass over the whole, so
that memory grows with the samples returned alone. 16-bit mono files at the wanted rate pass unchanged.
"""

import math
import os
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from fat2019.audio.truncation import counts_frames, truncation
from fat2019.errors import FailedRead, UnreadableAudio

_BLOCK_SAMPLES = 1 << 21  # of all channels: 47 s of mono at 44.1 kHz
_FIRST_SAMPLES = 1 << 12
_READ_BYTES = 1 << 20
_FULL_SCALE = np.float32(32_768)  # of int16
_HIGHEST_PEAK = 8.0  # of float samples, of which 1 is full scale: some sounds go beyond it, but not 18 dB
_NO_SIGNAL_RANGE = 2  # of int16 values: a constant and its rounding
_RATES_HZ = (1_000, 1_000_000)  # beyond these a header lies, and resampling would multiply its lie
_MP3_TOLERANCE = 2 * 1_152  # samples: encoders do not agree on which frames are counted


def read_audio(path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int, int]:
    """Decode a clip.

    Args:
        path: the file.
        rate_hz: the sample rate wanted.

    Returns:
        int16 ``(samples,)``; the rate of the file in Hz; its samples a channel.

    Raises:
        FailedRead: the file is not there, or cannot be opened or read.
        UnreadableAudio: it is empty, no audio, cut short, without samples, holds values that are not finite or far
            beyond full scale, or no signal: one value from end to end.
    """
    try:
        return _read_or_blame(path, rate_hz)
    except IsADirectoryError as error:
        raise UnreadableAudio(f"{path}: a directory, where an audio file is expected") from error
    except OSError as error:
        raise FailedRead(f"{path}: cannot be read: {error.strerror}") from error


def _read_or_blame(path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int, int]:
    try:
        return _read(path, rate_hz)
    except UnreadableAudio:
        # libsndfile has the same words for a failing disk and for a header that leads it astray.
        with path.open("rb") as file:
            while file.read(_READ_BYTES):
                pass
        raise


def _read(path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int, int]:
    try:
        with path.open("rb") as file:
            _require_whole(file, path)
        with soundfile.SoundFile(path) as sound:
            return _decode(sound, path, rate_hz)
    except soundfile.SoundFileError as error:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        if "does not exist" in reason:  # libsndfile's words for a text named .mp3; but the file was opened above
            reason = "of no known format"
        raise UnreadableAudio(
            f"{path}: no audio that can be decoded ({reason}): was it saved or downloaded as something else?"
        ) from error


def _require_whole(file: BinaryIO, path: Path) -> None:
    if os.fstat(file.fileno()).st_size == 0:
        raise UnreadableAudio(f"{path}: an empty file: was the disk full, or the download cut off?")
    if reason := truncation(file):
        raise UnreadableAudio(f"{path}: truncated: {reason}: copy it again")


def _decode(sound: soundfile.SoundFile, path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int, int]:
    rate = sound.samplerate
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise UnreadableAudio(
            f"{path}: expected a sample rate of {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, its header says {rate}"
        )
    resampler, source_range = _Resampler(rate, rate_hz), _Range()
    blocks: list[NDArray[np.int16]] = []
    frames, last = 0, False
    while not last:
        block = _read_block(sound, path, _BLOCK_SAMPLES // sound.channels)  # (frames, channels)
        frames += len(block)
        last = len(block) < _BLOCK_SAMPLES // sound.channels
        mono = _to_mono(block)  # (frames,)
        source_range.add(mono)
        blocks.append(_to_int16(resampler(mono, last), path))
    if frames == 0:
        raise UnreadableAudio(f"{path}: audio without a single sample")
    if _is_cut_short(sound, path, frames):
        raise UnreadableAudio(
            f"{path}: truncated: its header announces {sound.frames} samples, {frames} can be decoded: copy it again"
        )
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    # Resampling makes a constant swing at its ends, and takes away what is too high to be heard at the new rate.
    if not (source_range.is_signal and _Range().add(samples).is_signal):
        raise UnreadableAudio(
            f"{path}: no signal: silence, or one value, from end to end, with its channels mixed to one"
        )
    return samples, rate, frames


def _is_cut_short(sound: soundfile.SoundFile, path: Path, frames: int) -> bool:
    """Whether fewer samples were decoded than the header announces, in formats whose header counts them."""
    if sound.format == "OGG":
        return False
    if sound.format != "MP3":
        return frames < sound.frames
    if frames >= sound.frames - _MP3_TOLERANCE:
        return False
    with path.open("rb") as file:
        return counts_frames(file)


class _Resampler:
    """Blocks of a signal -> the same at another rate; to the bit what one pass over the whole gives."""

    def __init__(self, rate_hz: int, wanted_hz: int) -> None:
        self._rates_hz = rate_hz, wanted_hz
        self._stream: soxr.ResampleStream | None = None

    def __call__(self, block: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        if self._rates_hz[0] == self._rates_hz[1]:
            return block
        if self._stream is None:
            if last:  # one block is the whole: a tenth less time than a stream takes
                return soxr.resample(block, *self._rates_hz)
            self._stream = soxr.ResampleStream(*self._rates_hz, 1, dtype="float32")
        return self._stream.resample_chunk(block, last=last)


class _Range:
    """Whether samples differ by more than rounding."""

    def __init__(self) -> None:
        self._low, self._high = np.inf, -np.inf

    @property
    def is_signal(self) -> bool:
        return bool(self._high - self._low > _NO_SIGNAL_RANGE)

    def add(self, samples: NDArray[Any]) -> Self:
        for part in (samples[:_FIRST_SAMPLES], samples):  # mostly the first ones tell
            if len(part) and not self.is_signal:
                self._low = min(self._low, float(part.min()))
                self._high = max(self._high, float(part.max()))
        return self


def _read_block(sound: soundfile.SoundFile, path: Path, frames: int) -> NDArray[np.float32]:
    """float32 ``(frames, channels)`` on the scale of int16."""
    if sound.subtype == "PCM_16":
        # libsndfile's own conversion to float takes longer than decoding and NumPy's conversion together.
        return sound.read(frames, dtype="int16", always_2d=True).astype(np.float32)
    block: NDArray[np.float32] = sound.read(frames, dtype="float32", always_2d=True)
    if sound.subtype in ("FLOAT", "DOUBLE"):
        _require_scale(block, path)
    return np.multiply(block, _FULL_SCALE, out=block)


def _require_scale(block: NDArray[np.float32], path: Path) -> None:
    """Clipped, the values of integers saved as floats would be a square wave."""
    peak = max(float(block.max(initial=0)), -float(block.min(initial=0)))
    if _HIGHEST_PEAK < peak < math.inf:  # what is not finite is refused as such
        raise UnreadableAudio(
            f"{path}: samples of up to {peak:,.0f} where -1 to 1 is full scale: saved without dividing?"
        )


def _to_mono(block: NDArray[np.float32]) -> NDArray[np.float32]:
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


def _to_int16(samples: NDArray[np.float32], path: Path) -> NDArray[np.int16]:
    """Clipped and rounded; ``samples`` may be overwritten."""
    # Both ends are NaN if any sample is, and infinite if one is: looking at them is a pass fewer than asking of each.
    low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
    if not math.isfinite(high - low):
        raise UnreadableAudio(f"{path}: holds samples that are not finite (NaN or infinity)")
    if low < -_FULL_SCALE or high > _FULL_SCALE - 1:
        np.clip(samples, -_FULL_SCALE, _FULL_SCALE - 1, out=samples)
    rounded = np.empty(len(samples), np.int16)
    return np.rint(samples, out=rounded, casting="unsafe")  # one pass, which rounds before it casts
