"""What an audio file says of its own length, to which libsndfile does not hold it: files that were cut short.

Where a file leaves its length open it is taken as it is: to lose a whole clip is worse than to keep part of one.
"""

import os
import struct
from typing import BinaryIO

_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)  # what recorders write that cannot go back to the header
_SOX_UNKNOWN_LENGTH = 0x7FFFF000  # what SoX writes to a pipe, rounded down to a whole block
_FORMAT_BYTES = 14  # of the chunk that says how samples are stored, up to the bytes of a block
_PAGE_HEAD_BYTES = 27  # of OGG; the last of them counts the bytes that follow, each the length of a segment
_LARGEST_PAGE_BYTES = _PAGE_HEAD_BYTES + 255 + 255 * 255
_ID3_HEAD_BYTES = 10
_FRAME_COUNT_WITHIN_BYTES = 64  # of the beginning of an MP3 frame: its place depends on version and channels


def truncation(file: BinaryIO) -> str | None:
    """How a file of WAV or OGG is cut short by what it says itself; None if it is not, or of another format."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RIFX") and head[8:] == b"WAVE":
        return _of_wav(file, "<" if head[:4] == b"RIFF" else ">", size)
    return _of_ogg(file, size) if head[:4] == b"OggS" else None


def counts_frames(file: BinaryIO) -> bool:
    """Whether an MP3 file begins with the number of its frames (Xing's header); else its length is a guess."""
    file.seek(_end_of_tags(file))
    frame = file.read(_FRAME_COUNT_WITHIN_BYTES)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    return 0 < at < len(frame) - 7 and frame[at + 7] & 1 == 1  # the lowest bit of the flags: a number of frames follows


def _of_wav(file: BinaryIO, order: str, size: int) -> str | None:
    chunk_head, position, block_bytes = struct.Struct(f"{order}4sI"), file.tell(), 1
    while len(chunk := file.read(chunk_head.size)) == chunk_head.size:
        name, length = chunk_head.unpack(chunk)
        position += chunk_head.size
        if name == b"data":
            if length <= size - position or _is_unknown(length, block_bytes):
                return None
            return f"its header announces {length} bytes of samples, the file has {size - position}"
        if name == b"fmt " and len(form := file.read(_FORMAT_BYTES)) == _FORMAT_BYTES:
            (block_bytes,) = struct.unpack_from(f"{order}H", form, _FORMAT_BYTES - 2)
        position += length + length % 2
        file.seek(position)
    return "a WAV file that ends before its samples"


def _is_unknown(length: int, block_bytes: int) -> bool:
    return length in _UNKNOWN_LENGTHS or 0 <= _SOX_UNKNOWN_LENGTH - length < max(1, block_bytes)


def _of_ogg(file: BinaryIO, size: int) -> str | None:
    """A last page that is not whole. One that does not end the stream is no sign: so ends what recorders leave."""
    file.seek(max(0, size - _LARGEST_PAGE_BYTES))
    tail = file.read()
    at = tail.rfind(b"OggS\0")  # with the version, else four bytes of samples might pass for a page
    page = tail[at:] if at >= 0 else b""
    if not page:
        return None
    if len(page) < _PAGE_HEAD_BYTES:
        return "an OGG file that ends within the head of a page"
    segments = page[_PAGE_HEAD_BYTES - 1]
    length = _PAGE_HEAD_BYTES + segments + sum(page[_PAGE_HEAD_BYTES : _PAGE_HEAD_BYTES + segments])
    if length <= len(page):
        return None
    return f"its last page announces {length} bytes or more, the file has {len(page)} of them"


def _end_of_tags(file: BinaryIO) -> int:
    """Where the ID3 tags at the beginning of a file end."""
    position = 0
    while True:
        file.seek(position)
        head = file.read(_ID3_HEAD_BYTES)
        if len(head) < _ID3_HEAD_BYTES or head[:3] != b"ID3":
            return position
        length = sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:]))  # seven bits a byte
        position += _ID3_HEAD_BYTES + length + (_ID3_HEAD_BYTES if head[5] & 0x10 else 0)
