"""Formats made of chunks: WAV (RIFF, RIFX, RF64), AIFF and AIFF-C, Sony's Wave64."""

import dataclasses
import functools
import struct
from collections.abc import Iterator
from typing import BinaryIO

from fat2019.audio.containers.extent import LengthField, Samples, found_samples
from fat2019.audio.containers.part import Found
from fat2019.audio.containers.reading import bytes_at

_UNKNOWN_32 = 0xFFFFFFFF
_GUID_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"  # of Wave64's chunks but for the first


def _names(text: bytes) -> frozenset[bytes]:
    """Names of four characters, of which some are blanks, from a list with a blank after each."""
    return frozenset(text[place : place + 4] for place in range(0, len(text), 5))


_PCM_TYPES = _names(b"NONE sowt twos raw  in24 in32 42ni 23ni fl32 FL32 fl64 FL64")
# Chunks that writers put behind the samples: metadata also where the file ends within one.
_METADATA = _names(
    b"LIST id3  ID3  bext cue  smpl inst JUNK junk PAD  FLLR fact PEAK iXML axml aXML _PMX afsp DISP plst acid strc "
    b"cart umid chna MARK COMT NAME AUTH ANNO (c)  INST MIDI APPL CHAN COMM SAXL"
)


@dataclasses.dataclass(frozen=True)
class _Grammar:
    """How a chunk is written: a name, its length, its bytes."""

    head: struct.Struct
    counts_head: bool  # whether the length includes name and length
    align: int

    def chunks(self, file: BinaryIO, origin: int, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
        """(name, first byte, length) of chunk after chunk, each where the one before says that it ends.

        Args:
            file: the file.
            origin: the byte from which on chunks are aligned.
            at: that of the first chunk.
            size: of the file.
        """
        while len(head := bytes_at(file, at, self.head.size)) == self.head.size and at < size:
            name, length = self.head.unpack(head)
            length -= self.head.size * self.counts_head
            yield name, at + self.head.size, length
            at += self.head.size + max(0, length)
            at += (origin - at) % self.align

    def chunk_end(self, origin: int, file: BinaryIO, at: int, size: int) -> int | None:
        """Where the chunk that begins at a byte ends; None if there is none."""
        for name, begin, length in self.chunks(file, origin, at, size):
            if not _is_name(name) or length < 0:
                return None
            if begin + length <= size:
                return min(size, begin + length + (origin - begin - length) % self.align)
            return size if name in _METADATA else None
        return None


_LITTLE, _BIG = _Grammar(struct.Struct("<4sI"), False, 2), _Grammar(struct.Struct(">4sI"), False, 2)
_WAVE64 = _Grammar(struct.Struct("<16sq"), True, 8)


def is_wav(head: bytes) -> bool:
    """Whether a file that begins so is a WAV file."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE"


def is_aiff(head: bytes) -> bool:
    """Whether a file that begins so is of AIFF or AIFF-C."""
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def is_w64(head: bytes) -> bool:
    """Whether a file that begins so is of Sony's Wave64."""
    return head[:8] == b"riff\x2e\x91\xcf\x11" and head[24:28] == b"wave"


def read_wav(file: BinaryIO, at: int, size: int) -> Found:
    """The WAV file that begins at a byte."""
    big = bytes_at(file, at, 4) == b"RIFX"
    grammar, order = (_BIG, ">") if big else (_LITTLE, "<")
    block_bytes, bytes_per_second, long_length = 1, 0, None
    for name, begin, length in grammar.chunks(file, at, at + 12, size):
        if name == b"ds64":
            long_length = LengthField(begin + 8, "<Q")
        elif name == b"fmt ":
            block_bytes, bytes_per_second = _wav_format(bytes_at(file, begin, 16), order)
        elif name == b"data":
            field = LengthField(begin - 4, f"{order}I")
            if length == _UNKNOWN_32 and long_length:
                field = long_length
                (length,) = struct.unpack(field.format, bytes_at(file, field.at, 8))
            samples = Samples(begin, _known(length), block_bytes, bytes_per_second, (field,))
            return found_samples(file, at, samples, size, functools.partial(grammar.chunk_end, at))
    return _ends_early("WAV", size)


def read_aiff(file: BinaryIO, at: int, size: int) -> Found:
    """The AIFF file that begins at a byte."""
    block_bytes, bytes_per_second = 1, 0.0
    for name, begin, length in _BIG.chunks(file, at, at + 12, size):
        if name == b"COMM":
            block_bytes, bytes_per_second = _aiff_format(bytes_at(file, begin, 22))
        elif name == b"SSND" and begin + 8 <= size:
            (offset,) = struct.unpack(">I", bytes_at(file, begin, 4))
            field = LengthField(begin - 4, ">I", added=8 + offset)
            announced = None if length < field.added else length - field.added
            samples = Samples(begin + 8 + offset, announced, block_bytes, bytes_per_second, (field,))
            return found_samples(file, at, samples, size, functools.partial(_BIG.chunk_end, at))
    return _ends_early("AIFF", size)


def read_w64(file: BinaryIO, at: int, size: int) -> Found:
    """The Wave64 file that begins at a byte."""
    block_bytes, bytes_per_second = 1, 0
    for name, begin, length in _WAVE64.chunks(file, at, at + 40, size):
        if name[:4] == b"fmt ":
            block_bytes, bytes_per_second = _wav_format(bytes_at(file, begin, 16), "<")
        elif name[:4] == b"data":
            field = LengthField(begin - 8, "<q", added=24)
            samples = Samples(begin, _known(length), block_bytes, bytes_per_second, (field,))
            return found_samples(file, at, samples, size, functools.partial(_WAVE64.chunk_end, at))
    return _ends_early("Wave64", size)


def _known(length: int) -> int | None:
    return length if 0 <= length < (1 << 63) else None


def _is_name(name: bytes) -> bool:
    if len(name) == 16:
        return name[4:] == _GUID_TAIL
    return all(32 <= byte < 127 for byte in name)


def _wav_format(fields: bytes, order: str) -> tuple[int, int]:
    """The bytes of a block and of a second."""
    if len(fields) < 16:
        return 1, 0
    bytes_per_second, block_bytes = struct.unpack_from(f"{order}IH", fields, 8)
    return max(1, block_bytes), bytes_per_second


def _aiff_format(fields: bytes) -> tuple[int, float]:
    """The bytes of a sample of all channels and of a second; of 1 where it is compressed."""
    if len(fields) < 18:
        return 1, 0.0
    channels, _, bits = struct.unpack_from(">HIH", fields)
    exponent, mantissa = struct.unpack_from(">HQ", fields, 8)
    rate_hz = mantissa * 2.0 ** min((exponent & 0x7FFF) - 16_383 - 63, 900)
    is_pcm = len(fields) < 22 or fields[18:22] in _PCM_TYPES
    sample_bytes = channels * ((bits + 7) // 8)
    return (max(1, sample_bytes) if is_pcm else 1), rate_hz * max(1, sample_bytes)


def _ends_early(format_: str, size: int) -> Found:
    return Found((), size, truncation=f"a {format_} file that ends before its samples")
