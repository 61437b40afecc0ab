"""Formats that libsndfile does not know, decoded by FFmpeg's libraries through PyAV: M4A, AAC, WebM, WMA and others."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.blocks import Block
from fat2019.audio.limits import require_short
from fat2019.audio.mixdown import FULL_SCALE
from fat2019.errors import DataError, UnreadableAudio
from fat2019.utils.extras import require_extra

_BLOCK_FRAMES = 1 << 20
# By what a file of the format begins with, and where in it.
_MAGIC = (
    (4, b"ftyp", "MPEG-4 audio (M4A, MP4)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (WMA)"),
    (0, b"#!AMR", "AMR"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"FLV", "Flash video"),
)
MAGIC_BYTES = 16


def format_of(head: bytes) -> str | None:
    """The format of a file that begins so, if it is one that is read here."""
    return next((name for at, magic, name in _MAGIC if head[at : at + len(magic)] == magic), None)


class FfmpegReader:
    """A file whose format FFmpeg is left to find."""

    def __init__(self, path: Path, file: BinaryIO, format_: str, most_s: float) -> None:
        """Open it.

        Raises:
            UnreadableAudio: PyAV is missing, or the file holds no sound.
        """
        self._path, self._file, self._format, self._most_s = path, file, format_, most_s
        self.notes: dict[str, None] = {}
        try:
            require_extra("av", f"{path}: {format_}", "av")
        except DataError as error:
            raise UnreadableAudio(str(error)) from error
        import av

        self._av: Any = av
        av.logging.set_level(None)

    def blocks(self) -> Iterator[Block]:
        """All samples of the first sound in it.

        Raises:
            UnreadableAudio: it cannot be decoded to its end, or is too long.
        """
        frames, rate_hz, waiting = 0, 0, []
        for piece, rate_hz in self._pieces():
            waiting.append(piece)
            frames += len(piece)
            require_short(self._path, frames / rate_hz, self._most_s)
            if sum(map(len, waiting)) >= _BLOCK_FRAMES:
                yield Block(np.concatenate(waiting), rate_hz, "LOSSY")
                waiting = []
        if waiting:
            yield Block(np.concatenate(waiting), rate_hz, "LOSSY")

    def seconds(self) -> float:
        """How long it is, by decoding it."""
        return sum(len(block.samples) / block.rate_hz for block in self.blocks())

    def _pieces(self) -> Iterator[tuple[NDArray[np.float32], int]]:
        """float32 ``(frames, channels)`` on the scale of int16, and the rate in Hz."""
        av = self._av
        self._file.seek(0)
        try:
            with av.open(self._file) as container:
                if not container.streams.audio:
                    raise UnreadableAudio(f"{self._path}: {self._format} without sound")
                resampler = av.AudioResampler(format="flt")
                for frame in itertools.chain(container.decode(audio=0), (None,)):
                    for plain in resampler.resample(frame):
                        block = plain.to_ndarray().reshape(-1, plain.layout.nb_channels)
                        yield np.multiply(block, np.float32(FULL_SCALE)), plain.sample_rate
        except av.FFmpegError as error:
            raise UnreadableAudio(
                f"{self._path}: {self._format} that cannot be decoded to its end ({error.strerror}): copy it again"
            ) from error
