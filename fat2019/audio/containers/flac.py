"""FLAC: frames after a header whose number of samples a decoder believes, and need not."""

from typing import BinaryIO

from fat2019.audio.containers.extent import before_trailing_tags
from fat2019.audio.containers.part import Found, Part
from fat2019.audio.containers.reading import bytes_at

_MAGIC = b"fLaC"
_STREAM_INFO = b"\0\0\x22"  # the length of the first block of metadata, 34 bytes, which always is this one
_TOTAL_AT, _TOTAL_END = 21, 26  # bytes with the number of samples, of whose first the upper four bits are others'
_HEAD_BYTES = _TOTAL_END
_BLOCK_BYTES = 1 << 20


def is_flac(head: bytes) -> bool:
    """Whether a file that begins so is of FLAC."""
    return head[:4] == _MAGIC


def read_flac(file: BinaryIO, at: int, size: int) -> Found:
    """The FLAC streams from a byte to the end of a file, each under a header that leaves its length open."""
    begins = _streams(file, at, size)
    end = before_trailing_tags(file, size)
    return Found(tuple(_part(file, begin, end) for begin, end in zip(begins, [*begins[1:], end], strict=True)), size)


def _part(file: BinaryIO, begin: int, end: int) -> Part:
    head = bytearray(bytes_at(file, begin, _HEAD_BYTES))
    if len(head) < _HEAD_BYTES:
        return Part(begin, begin, end)
    total = int.from_bytes(head[_TOTAL_AT:_TOTAL_END], "big") & ((1 << 36) - 1)
    head[_TOTAL_AT:_TOTAL_END] = bytes([head[_TOTAL_AT] & 0xF0, 0, 0, 0, 0])
    return Part(begin, begin + _HEAD_BYTES, end, bytes(head), announced_samples=total)


def _streams(file: BinaryIO, at: int, size: int) -> list[int]:
    """Where streams begin: the first at ``at``, others wherever their eight first bytes stand."""
    begins, block_at = [at], at + 4
    while block_at < size:
        block = bytes_at(file, block_at, _BLOCK_BYTES + 7)
        place = block.find(_MAGIC)
        while place >= 0:
            if block[place + 5 : place + 8] == _STREAM_INFO and block[place + 4] & 0x7F == 0:
                begins.append(block_at + place)
            place = block.find(_MAGIC, place + 1)
        block_at += _BLOCK_BYTES
    return begins
