"""OGG: pages, each with its own length; streams that follow one another are chained."""

from typing import BinaryIO

from fat2019.audio.containers.part import Found, Part
from fat2019.audio.containers.reading import bytes_at

_MAGIC = b"OggS\0"  # with the version, else four bytes of samples might pass for a page
_HEAD_BYTES = 27  # the last of them counts the bytes that follow, each the length of a segment
_LARGEST_HEAD_BYTES = _HEAD_BYTES + 255
_LARGEST_PAGE_BYTES = _LARGEST_HEAD_BYTES + 255 * 255
_FLAGS_AT, _BEGINS_STREAM = 5, 2


def is_ogg(head: bytes) -> bool:
    """Whether a file that begins so is of OGG."""
    return head[:4] == b"OggS"


def read_ogg(file: BinaryIO, at: int, size: int) -> Found:
    """The chained streams from a byte on.

    A last page that does not end its stream is no sign of a cut: so ends what recorders leave.
    """
    begins, was_head, position = [at], True, at
    while position < size:
        head = bytes_at(file, position, _LARGEST_HEAD_BYTES)
        if head[:5] != _MAGIC:
            after = _next_page(file, position, size)
            if after is None:
                break
            position = after
            continue
        if len(head) < _HEAD_BYTES:
            return Found((), size, truncation="an OGG file that ends within the head of a page")
        length = _page_bytes(head)
        if length > size - position:
            reason = f"its last page announces {length} bytes or more, the file has {size - position} of them"
            return Found((), size, truncation=reason)
        is_head = bool(head[_FLAGS_AT] & _BEGINS_STREAM)  # streams that run side by side begin one after another
        if is_head and not was_head:
            begins.append(position)
        was_head = is_head
        position += length
    parts = (Part(begin, begin, end) for begin, end in zip(begins, [*begins[1:], position], strict=True))
    return Found(tuple(parts), position)


def _page_bytes(head: bytes) -> int:
    segments = head[_HEAD_BYTES - 1]
    return _HEAD_BYTES + segments + sum(head[_HEAD_BYTES : _HEAD_BYTES + segments])


def _next_page(file: BinaryIO, at: int, size: int) -> int | None:
    """The next page after bytes that are none; None if there is none within the length of one."""
    place = bytes_at(file, at, _LARGEST_PAGE_BYTES).find(_MAGIC)
    return at + place if place >= 0 else None
