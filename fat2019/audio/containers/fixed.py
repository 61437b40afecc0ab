"""Formats of which libsndfile reads what is there, whatever their headers announce: AVR, NIST's SPHERE, MIDI's SDS."""

import re
import struct

HEAD_BYTES = 1024
_SAMPLE_COUNT = re.compile(rb"\nsample_count -i (\d+)")


def announced_samples(head: bytes) -> int | None:
    """The samples per channel that a file announces that begins so; None for other formats, and if it says nothing."""
    if head[:4] == b"2BIT" and len(head) >= 30:
        return int(struct.unpack_from(">I", head, 26)[0])
    if head[:7] == b"NIST_1A" and (match := _SAMPLE_COUNT.search(head)):
        return int(match[1])
    if head[:2] == b"\xf0\x7e" and len(head) >= 13:
        return head[10] | head[11] << 7 | head[12] << 14  # seven bits a byte
    return None
