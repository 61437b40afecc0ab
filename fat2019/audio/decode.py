"""An audio file -> mono int16 samples at the rate of the features.

Whatever libsndfile decodes is read, and with the extra ``[av]`` what FFmpeg does: any rate, channels and sample
format. Channels are averaged (see :mod:`fat2019.audio.mixdown`), then the rate is changed by soxr's high-quality
filter, block by block, so that memory grows with the samples returned alone. 16-bit mono files at the wanted rate pass
unchanged.
"""

import contextlib
import dataclasses
import logging
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from fat2019.audio import ffmpeg
from fat2019.audio.blocks import Block
from fat2019.audio.containers import mpeg
from fat2019.audio.containers.reading import bytes_at
from fat2019.audio.libsndfile import LibsndfileReader
from fat2019.audio.limits import MAX_CLIP_S
from fat2019.audio.mixdown import FLOAT_SUBTYPES, FULL_SCALE, Levels, Mixdown
from fat2019.audio.resample import Resampler
from fat2019.errors import DataError, FailedRead, UnreadableAudio
from fat2019.utils.files import open_plain
from fat2019.utils.messages import standard_error_dropped

_READ_BYTES = 1 << 20
_BLAMED_BYTES = 1 << 30  # a file may have no end, as some that the system makes
_HIGHEST_PEAK = 8.0  # of float samples, of which 1 is full scale: some sounds go beyond it, but not 18 dB
_NO_SIGNAL_RANGE = 2  # of int16 values: a constant and its rounding
_FIRST_SAMPLES = 1 << 12
_PASSES = 3  # the second and third for what the first finds of phases and levels


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A clip's samples, and what is to be told of how they came about."""

    samples: NDArray[np.int16]  # (samples,)
    source_rate_hz: int
    source_samples: int  # a channel
    notes: tuple[str, ...] = ()  # each what was done that a listener might not expect


class _Reader(Protocol):
    notes: dict[str, None]

    def blocks(self) -> Iterator[Block]: ...

    def seconds(self) -> float: ...


def read_audio(path: Path, rate_hz: int, most_s: float = MAX_CLIP_S) -> Decoded:
    """Decode a clip.

    Args:
        path: the file.
        rate_hz: the sample rate wanted.
        most_s: a longer one is refused.

    Raises:
        FailedRead: the file is not there, or cannot be opened or read.
        UnreadableAudio: it is empty, no plain file, no audio, cut short, too long, without samples, holds values that
            are not finite or far beyond full scale, or no signal: one value from end to end.
    """
    with _opened(path) as file, _decoder_messages_dropped(path, file):
        _require_bytes(file, path)
        try:
            return _decode(_reader(path, file, most_s), path, rate_hz)
        except UnreadableAudio:
            # libsndfile has the same words for a failing disk and for a header that leads it astray.
            _read_through(file)
            raise


def seconds_of(path: Path, most_s: float = MAX_CLIP_S) -> float:
    """How long a clip is.

    Raises:
        FailedRead, UnreadableAudio: as :func:`read_audio`, but for what only its samples tell.
    """
    with _opened(path) as file, _decoder_messages_dropped(path, file):
        _require_bytes(file, path)
        return _reader(path, file, most_s).seconds()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = open_plain(path, "an audio file")
    except OSError as error:
        raise FailedRead(f"{path}: cannot be read: {error.strerror}") from error
    except DataError as error:
        raise UnreadableAudio(str(error)) from error
    with file:
        try:
            yield file
        except OSError as error:
            raise FailedRead(f"{path}: cannot be read: {error.strerror}") from error


def _require_bytes(file: BinaryIO, path: Path) -> None:
    if os.fstat(file.fileno()).st_size == 0:
        if file.read(1):
            raise UnreadableAudio(f"{path}: a virtual file of the system, not an audio file")
        raise UnreadableAudio(f"{path}: an empty file: was the disk full, or the download cut off?")


@contextlib.contextmanager
def _decoder_messages_dropped(path: Path, file: BinaryIO) -> Iterator[None]:
    """Only mpg123 tells standard error of what it finds odd; with --verbose it may."""
    talks = path.suffix.lower() == ".mp3" or mpeg.is_mpeg_file(file)
    drop = talks and not logging.getLogger("fat2019").isEnabledFor(logging.DEBUG)
    with standard_error_dropped() if drop else contextlib.nullcontext():
        yield


def _reader(path: Path, file: BinaryIO, most_s: float) -> _Reader:
    format_ = ffmpeg.format_of(bytes_at(file, 0, ffmpeg.MAGIC_BYTES))
    if format_:
        return ffmpeg.FfmpegReader(path, file, format_, most_s)
    return LibsndfileReader(path, file, most_s)


def _read_through(file: BinaryIO) -> None:
    file.seek(0)
    left = _BLAMED_BYTES
    while left > 0 and (piece := file.read(_READ_BYTES)):
        left -= len(piece)


def _decode(reader: _Reader, path: Path, rate_hz: int) -> Decoded:
    mixdown = Mixdown()
    notes: dict[str, None] = {}
    for _ in range(_PASSES):
        levels = Levels()
        decoded = _one_pass(reader, path, rate_hz, mixdown, levels)
        better = levels.better(mixdown)
        if better is None:
            break
        mixdown, note = better
        notes[note] = None
    # Resampling makes a constant swing at its ends, and takes away what is too high to be heard at the new rate.
    if not levels.is_signal:
        raise UnreadableAudio(f"{path}: no signal: silence, or one value, from end to end")
    if not _is_signal(decoded.samples):
        raise UnreadableAudio(f"{path}: no signal below {rate_hz / 2:,.0f} Hz, the highest frequency that is kept")
    return dataclasses.replace(decoded, notes=(*reader.notes, *notes))


def _one_pass(reader: _Reader, path: Path, rate_hz: int, mixdown: Mixdown, levels: Levels) -> Decoded:
    resampler: Resampler | None = None
    source_rate_hz, frames = 0, 0
    pieces: list[NDArray[np.int16]] = []
    for block, last in _with_last(reader.blocks()):
        if resampler is None:
            source_rate_hz, resampler = block.rate_hz, Resampler(block.rate_hz, rate_hz)
        elif block.rate_hz != source_rate_hz:
            raise UnreadableAudio(
                f"{path}: recordings at {source_rate_hz:,} and {block.rate_hz:,} Hz joined in one file: split it"
            )
        if block.subtype in FLOAT_SUBTYPES:
            _require_scale(block.samples, path)
        frames += len(block.samples)
        mono = mixdown(block.samples)  # (frames,)
        levels.add(block.samples, mono, block.subtype)
        pieces.append(_to_int16(resampler(mono, last), path))
    if frames == 0:
        raise UnreadableAudio(f"{path}: audio without a single sample")
    return Decoded(pieces[0] if len(pieces) == 1 else np.concatenate(pieces), source_rate_hz, frames)


def _with_last(blocks: Iterable[Block]) -> Iterator[tuple[Block, bool]]:
    """Each block that is not empty, and whether it is the last one."""
    before: Block | None = None
    for block in blocks:
        if not len(block.samples):
            continue
        if before is not None:
            yield before, False
        before = block
    if before is not None:
        yield before, True


def _require_scale(block: NDArray[np.float32], path: Path) -> None:
    """Scaled down, the values of integers saved as floats would be right, but so would nothing that is damaged."""
    peak = max(float(block.max(initial=0)), -float(block.min(initial=0))) / FULL_SCALE
    if _HIGHEST_PEAK < peak < math.inf:  # what is not finite is refused as such
        raise UnreadableAudio(
            f"{path}: samples of up to {peak:,.0f} where -1 to 1 is full scale: saved without dividing?"
        )


def _is_signal(samples: NDArray[np.int16]) -> bool:
    return any(int(part.max()) - int(part.min()) > _NO_SIGNAL_RANGE for part in (samples[:_FIRST_SAMPLES], samples))


def _to_int16(samples: NDArray[np.float32], path: Path) -> NDArray[np.int16]:
    """Clipped and rounded; ``samples`` may be overwritten."""
    # Both ends are NaN if any sample is, and infinite if one is: looking at them is a pass fewer than asking of each.
    low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
    if not math.isfinite(high - low):
        raise UnreadableAudio(f"{path}: holds samples that are not finite (NaN or infinity)")
    if low < -FULL_SCALE or high > FULL_SCALE - 1:
        np.clip(samples, -FULL_SCALE, FULL_SCALE - 1, out=samples)
    rounded = np.empty(len(samples), np.int16)
    return np.rint(samples, out=rounded, casting="unsafe")  # one pass, which rounds before it casts
