"""Sun's and NeXT's AU: a header of fixed fields, then samples."""

import struct
from typing import BinaryIO

from fat2019.audio.containers.extent import LengthField, Samples, found_samples
from fat2019.audio.containers.part import Found
from fat2019.audio.containers.reading import bytes_at

_HEAD_BYTES = 24
_UNKNOWN = 0xFFFFFFFF
_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # by encoding; others are packed more tightly


def is_au(head: bytes) -> bool:
    """Whether a file that begins so is of AU, in either order of bytes."""
    return head[:4] in (b".snd", b"dns.")


def read_au(file: BinaryIO, at: int, size: int) -> Found:
    """The AU file that begins at a byte."""
    head = bytes_at(file, at, _HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return Found((), size, truncation="an AU file that ends within its header")
    order = ">" if head[:4] == b".snd" else "<"
    offset, length, encoding, rate_hz, channels = struct.unpack_from(f"{order}5I", head, 4)
    block_bytes = max(1, channels) * _SAMPLE_BYTES.get(encoding, 1)
    announced = None if length == _UNKNOWN else length
    field = LengthField(at + 8, f"{order}I")
    samples = Samples(at + max(offset, _HEAD_BYTES), announced, block_bytes, rate_hz * block_bytes, (field,))
    return found_samples(file, at, samples, size)
