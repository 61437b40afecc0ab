"""The parts of a file, decoded by libsndfile and checked against their declared lengths."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from fat2019.audio.blocks import Block
from fat2019.audio.containers import fixed
from fat2019.audio.containers.layout import layout_of
from fat2019.audio.containers.mpeg import counts_frames
from fat2019.audio.containers.part import Part, PartView
from fat2019.audio.containers.reading import bytes_at
from fat2019.audio.limits import require_short
from fat2019.audio.mixdown import FULL_SCALE
from fat2019.errors import UnreadableAudio

_BLOCK_SAMPLES = 1 << 21  # of all channels: 47 s of mono at 44.1 kHz
_RATES_HZ = (1_000, 1_000_000)  # beyond these a header lies, and resampling would multiply its lie
_MP3_TOLERANCE = 2 * 1_152  # samples: encoders do not agree on which frames are counted
_ENDLESS = 1 << 35  # samples: FLAC has 36 bits for their number, and some writers set them all
_HELD_FORMATS = frozenset(("WAV", "WAVEX", "RF64", "AIFF", "W64", "FLAC", "OGG", "AU", "CAF", "MP3"))
_ENDED_BY_DECODER = frozenset(("FLAC", "OGG", "MP3"))  # others would read on into whatever follows
_UNHELD = re.compile(r"\(should be \d+\)|truncated")  # libsndfile's words where less is there than announced


class _Sound(soundfile.SoundFile):
    """A sound that is read from its beginning to its end: to seek, one would have to know where its end is."""

    def seekable(self) -> bool:
        return False


class LibsndfileReader:
    """A file whose format libsndfile knows."""

    def __init__(self, path: Path, file: BinaryIO, most_s: float) -> None:
        """Look at what the file says of its length.

        Args:
            path: its name.
            file: the same, open.
            most_s: no more than this is decoded.

        Raises:
            UnreadableAudio: it is truncated.
        """
        self._path, self._file, self._most_s = path, file, most_s
        layout = layout_of(file)
        if layout.truncation:
            raise UnreadableAudio(f"{path}: truncated: {layout.truncation}: copy it again")
        self._parts, self._is_plain = layout.parts, layout.is_plain
        self.notes: dict[str, None] = dict.fromkeys(layout.notes)  # what is to be told of it, each once

    def blocks(self) -> Iterator[Block]:
        """All samples from the first part to the last; at least one block, which may be empty.

        Raises:
            OSError: the file cannot be read.
            UnreadableAudio: it cannot be decoded to its end, or is too long.
        """
        for part in self._parts:
            yield from self._decoded(part)

    def seconds(self) -> float:
        """How long it is, as its headers say where they can be trusted, and else by decoding it.

        Raises:
            OSError, UnreadableAudio: as :meth:`blocks`.
        """
        return sum(self._seconds_of(part) for part in self._parts)

    def _seconds_of(self, part: Part) -> float:
        with self._opened(part) as (sound, _):
            self._require_usable(sound, part)
            announced = sound.frames if part.announced_samples is None else part.announced_samples
            if 0 < announced < _ENDLESS:
                return float(announced / sound.samplerate)
        return sum(len(block.samples) / block.rate_hz for block in self._decoded(part))

    def _decoded(self, part: Part) -> Iterator[Block]:
        frames, announced = 0, part.announced_samples
        try:
            for block in self._blocks_of(part):
                frames += len(block.samples)
                yield block
        except soundfile.SoundFileError as error:
            if not part.head or not announced or frames > announced:
                raise self._damaged(frames) from error
            yield from self._as_announced(part, frames, announced)
            return
        if announced and announced < _ENDLESS:
            self._require_all(announced, frames)
            if frames > announced:
                self._note(f"its header announces {announced:,} samples, {frames:,} are there: all are read")

    def _as_announced(self, part: Part, done: int, announced: int) -> Iterator[Block]:
        """What a decoder reads that believes the header, less the samples done; what follows them is not decodable."""
        begin = 0
        try:
            for block in self._blocks_of(Part(part.head_from, part.head_from, part.end), most=announced):
                yield Block(block.samples[max(0, done - begin) :], block.rate_hz, block.subtype)
                begin += len(block.samples)
        except soundfile.SoundFileError as error:
            raise self._damaged(max(done, begin)) from error
        self._require_all(announced, begin)
        self._note(f"what follows its {announced:,} samples cannot be decoded, and is not read")

    def _blocks_of(self, part: Part, most: int | None = None) -> Iterator[Block]:
        """The blocks of a part, or of its first ``most`` samples.

        Raises:
            SoundFileError: it is a sound, but cannot be decoded to its end.
        """
        frames, is_last = 0, False
        with self._opened(part) as (sound, view):
            self._require_usable(sound, part)
            if most is None and sound.format not in _ENDED_BY_DECODER:
                most = sound.frames
            while not is_last:
                wanted = max(1, _BLOCK_SAMPLES // sound.channels)
                if most is not None:
                    wanted = min(wanted, most - frames)
                samples = self._read(sound, wanted)  # (frames, channels)
                if view is not None and view.error:
                    raise view.error
                frames += len(samples)
                require_short(self._path, frames / sound.samplerate, self._most_s)
                yield Block(samples, sound.samplerate, sound.subtype)
                is_last = len(samples) < wanted or frames == most
            self._require_whole(sound, part, frames)

    @contextlib.contextmanager
    def _opened(self, part: Part) -> Iterator[tuple[_Sound, PartView | None]]:
        with contextlib.ExitStack() as stack:
            view: PartView | None = None
            if self._is_plain:
                # As bytes, which may be no text; by its name, as libsndfile knows some formats by that alone.
                source: Any = os.fsencode(self._path)
            else:
                source = view = PartView(self._file, part)
            if view and part.is_mpeg:
                copy = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".mp3"))
                shutil.copyfileobj(view, copy)
                copy.flush()
                source = copy.name
            try:
                sound = stack.enter_context(_Sound(source))
            except soundfile.SoundFileError as error:
                raise self._unknown(error) from error
            yield sound, view

    def _require_usable(self, sound: _Sound, part: Part) -> None:
        if not _RATES_HZ[0] <= sound.samplerate <= _RATES_HZ[1]:
            raise UnreadableAudio(
                f"{self._path}: expected a sample rate of {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, "
                f"its header says {sound.samplerate}"
            )
        announced = sound.frames if part.announced_samples is None else part.announced_samples
        if sound.format != "MP3" and announced < _ENDLESS:  # of an MP3 file it may be a guess
            require_short(self._path, announced / sound.samplerate, self._most_s)

    def _require_whole(self, sound: _Sound, part: Part, frames: int) -> None:
        if part.announced_samples is not None or sound.format == "OGG":
            return
        if sound.format == "MP3":
            if frames < sound.frames - _MP3_TOLERANCE and counts_frames(self._file, part.head_from):
                self._require_all(sound.frames, frames)
            return
        self._require_all(sound.frames, frames)
        if sound.format in _HELD_FORMATS:
            return
        self._require_all(fixed.announced_samples(bytes_at(self._file, 0, fixed.HEAD_BYTES)) or 0, frames)
        if _UNHELD.search(sound.extra_info):
            raise UnreadableAudio(f"{self._path}: truncated: its header announces more than is there: copy it again")

    def _require_all(self, announced: int, frames: int) -> None:
        if frames < announced:
            raise UnreadableAudio(
                f"{self._path}: truncated: its header announces {announced} samples, {frames} can be decoded: "
                "copy it again"
            )

    def _read(self, sound: _Sound, frames: int) -> NDArray[np.float32]:
        if sound.subtype == "PCM_16":
            # libsndfile's own conversion to float takes longer than decoding and NumPy's conversion together.
            return sound.read(frames, dtype="int16", always_2d=True).astype(np.float32)
        block: NDArray[np.float32] = sound.read(frames, dtype="float32", always_2d=True)
        return np.multiply(block, np.float32(FULL_SCALE), out=block)

    def _unknown(self, error: soundfile.SoundFileError) -> UnreadableAudio:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        if "does not exist" in reason:  # libsndfile's words for a text named .mp3; but the file was opened
            reason = "of no known format"
        return UnreadableAudio(
            f"{self._path}: no audio that can be decoded ({reason}): was it saved or downloaded as something else?"
        )

    def _damaged(self, frames: int) -> UnreadableAudio:
        after = f" after {frames:,} samples" if frames else ""
        return UnreadableAudio(f"{self._path}: truncated or damaged: it cannot be decoded{after}: copy it again")

    def _note(self, note: str) -> None:
        self.notes[note] = None
