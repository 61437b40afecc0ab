"""A file -> the parts that a decoder is to read one after another."""

import os
from collections.abc import Callable
from typing import BinaryIO

from fat2019.audio.containers import au, caf, flac, mpeg, ogg, riff
from fat2019.audio.containers.extent import end_of_tags, is_padding
from fat2019.audio.containers.part import Found, Layout, Part
from fat2019.audio.containers.reading import bytes_at

_Reader = Callable[[BinaryIO, int, int], Found]  # (file, first byte, size)

_READERS: tuple[tuple[Callable[[bytes], bool], _Reader], ...] = (
    (riff.is_wav, riff.read_wav),
    (riff.is_aiff, riff.read_aiff),
    (riff.is_w64, riff.read_w64),
    (flac.is_flac, flac.read_flac),
    (ogg.is_ogg, ogg.read_ogg),
    (au.is_au, au.read_au),
    (caf.is_caf, caf.read_caf),
    (mpeg.is_mpeg, mpeg.read_mpeg),
)
_MAGIC_BYTES = 40
_NOTED_BYTES = 1 << 12  # what is left over and shorter is the rubbish that taggers and cut downloads leave


def layout_of(file: BinaryIO) -> Layout:
    """What is in a file of a known format; of another, the decoder is to judge the whole.

    Raises:
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    parts: list[Part] = []
    notes: list[str] = []
    at = 0
    while reader := _reader_at(file, at):
        found = reader(file, at, size)
        if found.truncation:
            return Layout((), (), found.truncation)
        parts += found.parts
        notes += found.notes
        at = found.end
    if not parts:
        return Layout((Part(0, 0, size),), ())
    if size - at >= _NOTED_BYTES and end_of_tags(file, at, size) < size and not is_padding(file, at, size):
        notes.append(f"{size - at:,} bytes after its samples are not audio and are not read")
    return Layout(tuple(parts), tuple(notes))


def _reader_at(file: BinaryIO, at: int) -> _Reader | None:
    head = bytes_at(file, end_of_tags(file, at), _MAGIC_BYTES)
    return next((reader for is_such, reader in _READERS if is_such(head)), None)
