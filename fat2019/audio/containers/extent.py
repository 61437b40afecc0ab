"""The rule by which the length of samples is decided, for every format that writes them in one piece."""

import dataclasses
import struct
from collections.abc import Callable
from typing import BinaryIO

from fat2019.audio.containers.part import Found, Part
from fat2019.audio.containers.reading import bytes_at
from fat2019.audio.limits import MAX_CLIP_S

_LIMITS = (1 << 31, 1 << 32, 1 << 63, 1 << 64)  # of the numbers that lengths are written in
_LEAST_POWER = 1 << 28
# Who cannot know a length writes the greatest there is, less what precedes the samples and what is no whole block.
_BELOW_LIMIT_BYTES = 1 << 16
_PADDING_BYTES = 1 << 16  # of zeros: to the end of a sector or a cluster
_LEFT_AFTER_CHUNKS_BYTES = 8
_SEGMENT_BYTES = 1 << 30  # of samples that are too many for their header's numbers
_TAG_V1, _TAG_V1_BYTES = b"TAG", 128
_APE, _APE_HEAD_BYTES = b"APETAGEX", 32
_ID3, _ID3_HEAD_BYTES = b"ID3", 10
_MAGIC_BYTES = 40


@dataclasses.dataclass(frozen=True)
class LengthField:
    """A place in a header where the number of bytes of samples is written."""

    at: int  # byte of the file
    format: str  # of ``struct``
    added: int = 0  # what it counts beside the samples


@dataclasses.dataclass(frozen=True)
class Samples:
    """Where samples lie by what a header says."""

    begin: int  # byte of the file
    announced_bytes: int | None  # None: the header says that it is unknown
    block_bytes: int  # of a sample of all channels, or of a compressed block
    bytes_per_second: float
    lengths: tuple[LengthField, ...]


# What follows samples, at a byte of the file: where the chunk that is there ends, or None if there is no chunk.
ChunkEnd = Callable[[BinaryIO, int, int], int | None]


def found_samples(
    file: BinaryIO, head_from: int, samples: Samples, size: int, chunk_end: ChunkEnd | None = None
) -> Found:
    """The recording whose header begins at ``head_from``.

    Args:
        file: the file.
        head_from: its first byte.
        samples: what its header says.
        size: of the file.
        chunk_end: the grammar of what may follow the samples.
    """
    there, announced = size - samples.begin, samples.announced_bytes
    if announced is None or (announced > there and _is_placeholder(announced, samples)):
        return _until(file, head_from, samples, size, size)
    if announced > there:
        return Found((), size, truncation=f"its header announces {announced} bytes of samples, the file has {there}")
    end = samples.begin + announced
    # Chunks are padded to even lengths; not every writer does it.
    starts = (end + (end - head_from) % 2, end) if chunk_end else (end,)
    ends = (_end_of_metadata(file, start, size, chunk_end) for start in starts)
    after = next((end for end in ends if end is not None), None)
    if after is not None:
        return Found((Part(head_from, head_from, after),), after)
    note = (
        f"its header announces {announced:,} bytes of samples, {there:,} are there: all are read"
        if announced and not _is_placeholder(announced, samples)
        else None
    )
    return _until(file, head_from, samples, size, size, note)


def end_of_tags(file: BinaryIO, at: int, size: int | None = None) -> int:
    """Where the tags of ID3 and APE that begin at a byte end; the byte itself if there are none."""
    while True:
        head = bytes_at(file, at, _APE_HEAD_BYTES)
        if head[:3] == _ID3 and len(head) >= _ID3_HEAD_BYTES:
            length = sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10]))  # seven bits a byte
            at += _ID3_HEAD_BYTES + length + (_ID3_HEAD_BYTES if head[5] & 0x10 else 0)
        elif head[:8] == _APE and len(head) == _APE_HEAD_BYTES:
            at += _APE_HEAD_BYTES + struct.unpack_from("<I", head, 12)[0]
        elif size is not None and head[:3] == _TAG_V1 and size - at == _TAG_V1_BYTES:
            at = size
        else:
            return at


def before_trailing_tags(file: BinaryIO, size: int) -> int:
    """Where the tags at the end of a file begin that a reader finds from there: ID3v1's and APE's."""
    end = size
    if bytes_at(file, max(0, end - _TAG_V1_BYTES), 3) == _TAG_V1:
        end -= _TAG_V1_BYTES
    footer = bytes_at(file, max(0, end - _APE_HEAD_BYTES), _APE_HEAD_BYTES)
    if footer[:8] == _APE:
        end -= struct.unpack_from("<I", footer, 12)[0]
        end -= _APE_HEAD_BYTES * (bytes_at(file, max(0, end - _APE_HEAD_BYTES), 8) == _APE)
    return max(0, end)


def is_padding(file: BinaryIO, at: int, size: int) -> bool:
    """Whether the rest of a file is few bytes, and all zero."""
    return size - at <= _PADDING_BYTES and not any(bytes_at(file, at, size - at))


def _is_placeholder(announced: int, samples: Samples) -> bool:
    """Whether a length is one that a program writes that cannot know it, or longer than any clip."""
    if announced <= 0 or announced > MAX_CLIP_S * samples.bytes_per_second:
        return True
    if announced >= _LEAST_POWER and announced & (announced - 1) == 0:
        return True
    return any(0 <= limit - announced <= _BELOW_LIMIT_BYTES + samples.block_bytes for limit in _LIMITS)


def _end_of_metadata(file: BinaryIO, at: int, size: int, chunk_end: ChunkEnd | None) -> int | None:
    """Where metadata and padding after samples end: at the end of the file, or where another file begins in it.

    None: what follows the samples is neither, so it is samples.
    """
    chunks = 0
    while at < size:
        if begins_recording(bytes_at(file, at, _MAGIC_BYTES)):
            return at
        after_tags = end_of_tags(file, at, size)
        after = after_tags if after_tags > at else chunk_end(file, at, size) if chunk_end else None
        if after is None:
            few = chunks and size - at < _LEFT_AFTER_CHUNKS_BYTES
            return size if few or is_padding(file, at, size) else None
        at, chunks = after, chunks + 1
    return size


def begins_recording(head: bytes) -> bool:
    """Whether these are the first bytes of a file of samples; of MPEG they could be anything."""
    return (
        (head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE")
        or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))
        or head[:4] in (b"fLaC", b".snd")
        or head[:5] == b"OggS\0"
        or head[:6] == b"caff\0\1"
        or head[:8] == b"riff\x2e\x91\xcf\x11"
    )


def _until(file: BinaryIO, head_from: int, samples: Samples, end: int, size: int, note: str | None = None) -> Found:
    """All blocks up to a byte, under headers that tell of them."""
    blocks = (end - samples.begin) // samples.block_bytes * samples.block_bytes
    segment = blocks if blocks <= _most_bytes(samples) else _SEGMENT_BYTES // samples.block_bytes * samples.block_bytes
    original = bytes_at(file, head_from, samples.begin - head_from)
    parts = []
    for first in range(0, max(blocks, 1), max(segment, 1)):
        count = min(segment, blocks - first)
        head = bytearray(original)
        for field in samples.lengths:
            struct.pack_into(field.format, head, field.at - head_from, count + field.added)
        parts.append(Part(head_from, samples.begin + first, samples.begin + first + count, bytes(head)))
    return Found(tuple(parts), size, (note,) if note else ())


def _most_bytes(samples: Samples) -> int:
    """The most that the numbers of a header can tell of."""
    return min((1 << 8 * struct.calcsize(field.format)) - 1 - field.added for field in samples.lengths)
