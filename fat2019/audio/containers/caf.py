"""Apple's CAF: chunks with lengths of 64 bits, of which that of the samples may be left open."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from fat2019.audio.containers.extent import LengthField, Samples, found_samples
from fat2019.audio.containers.part import Found
from fat2019.audio.containers.reading import bytes_at

_CHUNK = struct.Struct(">4sq")
_EDIT_COUNT_BYTES = 4  # before the samples, and counted as if it were one


def is_caf(head: bytes) -> bool:
    """Whether a file that begins so is of CAF."""
    return head[:6] == b"caff\0\1"


def read_caf(file: BinaryIO, at: int, size: int) -> Found:
    """The CAF file that begins at a byte."""
    block_bytes, bytes_per_second = 1, 0.0
    for name, begin, length in _chunks(file, at + 8, size):
        if name == b"desc" and len(fields := bytes_at(file, begin, 32)) == 32:
            rate_hz, _, _, packet_bytes, packet_samples, _, _ = struct.unpack(">d4s5I", fields)
            block_bytes = max(1, packet_bytes)
            bytes_per_second = rate_hz * block_bytes / max(1, packet_samples)
        elif name == b"data":
            field = LengthField(begin - 8, ">q", added=_EDIT_COUNT_BYTES)
            announced = length - _EDIT_COUNT_BYTES if length >= _EDIT_COUNT_BYTES else None
            samples = Samples(begin + _EDIT_COUNT_BYTES, announced, block_bytes, bytes_per_second, (field,))
            return found_samples(file, at, samples, size, _chunk_end)
    return Found((), size, truncation="a CAF file that ends before its samples")


def _chunks(file: BinaryIO, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    while len(head := bytes_at(file, at, _CHUNK.size)) == _CHUNK.size and at < size:
        name, length = _CHUNK.unpack(head)
        yield name, at + _CHUNK.size, length
        at += _CHUNK.size + max(0, length)


def _chunk_end(file: BinaryIO, at: int, size: int) -> int | None:
    for name, begin, length in _chunks(file, at, size):
        if not all(32 <= byte < 127 for byte in name) or not 0 <= length <= size - begin:
            return None
        return begin + length
    return None
