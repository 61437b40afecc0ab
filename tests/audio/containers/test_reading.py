"""Bytes by their place, also where a header points beyond the file."""

import io
import sys

from fat2019.audio.containers.reading import bytes_at


def test_fewer_bytes_come_at_the_end_and_none_beyond_it():
    file = io.BytesIO(b"abcdef")
    assert bytes_at(file, 1, 3) == b"bcd"
    assert bytes_at(file, 4, 9) == b"ef"
    assert bytes_at(file, 6, 1) == bytes_at(file, 1 << 40, 1) == bytes_at(file, sys.maxsize + 1, 1) == b""
