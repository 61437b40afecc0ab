"""Bytes of an open file by their place."""

import sys
from typing import BinaryIO


def bytes_at(file: BinaryIO, at: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``at`` on; fewer at the end of the file, and none beyond it."""
    if at > sys.maxsize:  # as headers that lie would have it
        return b""
    file.seek(at)
    return file.read(count)
