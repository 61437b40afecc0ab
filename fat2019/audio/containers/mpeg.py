"""MPEG audio (MP3): frames, the first of which may say how many there are (Xing's header)."""

import dataclasses
import struct
from typing import BinaryIO

from fat2019.audio.containers.extent import end_of_tags
from fat2019.audio.containers.part import Found, Part
from fat2019.audio.containers.reading import bytes_at

_PROBE_BYTES = 64  # of a frame: Xing's header lies within them, where depends on version and channels
_FEW_BYTES = 1 << 16  # of rubbish between frames
_COUNT_FOLLOWS = 1  # the lowest of the flags, in the byte before the number
_KBPS = {  # by (version is 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = (44_100, 48_000, 32_000)  # of version 1; half of them for version 2, a quarter for 2.5


@dataclasses.dataclass
class _Stream:
    """What one encoder wrote."""

    begin: int
    count_at: int | None  # the byte of the file where the number of frames stands
    announced: int
    frames: int  # but for that of Xing's header


def is_mpeg(head: bytes) -> bool:
    """Whether a file that begins so is MPEG audio."""
    return _frame_bytes(head) > 0


def read_mpeg(file: BinaryIO, at: int, size: int) -> Found:
    """The streams of MPEG frames from a byte on, each under a header that counts the frames that are there.

    One stream ends where another encoder's begins: at a tag, or at a frame with Xing's header.
    """
    streams: list[_Stream] = []
    position = end = at
    while position < size:
        after_tags, frame = position, bytes_at(file, position, _PROBE_BYTES)
        length = _frame_bytes(frame)
        if length == 0:
            after_tags = end_of_tags(file, position, size)
            frame = bytes_at(file, after_tags, _PROBE_BYTES)
            length = _frame_bytes(frame)
        if length == 0:
            after_rubbish = _next_frame(file, after_tags, size)
            if after_rubbish is None:
                break
            position = after_rubbish
            continue
        count_at = _count_at(frame[:length])
        if not streams or after_tags > position or count_at is not None:
            streams.append(_new_stream(file, position, after_tags, count_at))
        else:
            streams[-1].frames += 1
        position = end = min(size, after_tags + length)
    ends = [*(stream.begin for stream in streams[1:]), end]
    parts = tuple(_part(file, stream, end) for stream, end in zip(streams, ends, strict=True))
    notes = tuple(
        f"its header counts {stream.announced:,} frames, {stream.frames:,} are there: all are read"
        for stream in streams
        if _is_understated(stream)
    )
    return Found(parts, max(end, at + 1), notes)


def _new_stream(file: BinaryIO, begin: int, frame_at: int, count_at: int | None) -> _Stream:
    if count_at is None:
        return _Stream(begin, None, 0, frames=1)
    (announced,) = struct.unpack(">I", bytes_at(file, frame_at + count_at, 4))
    return _Stream(begin, frame_at + count_at, announced, frames=0)


def _part(file: BinaryIO, stream: _Stream, end: int) -> Part:
    if stream.count_at is None or not _is_understated(stream):
        return Part(stream.begin, stream.begin, end, is_mpeg=True)
    head = bytes_at(file, stream.begin, stream.count_at - stream.begin) + struct.pack(">I", stream.frames)
    return Part(stream.begin, stream.begin + len(head), end, head, is_mpeg=True)


def _is_understated(stream: _Stream) -> bool:
    # Encoders do not agree on whether the frame with the count is counted.
    return stream.count_at is not None and stream.frames > stream.announced + 1


def _count_at(frame: bytes) -> int | None:
    """Where in a frame the number of frames stands; None if it holds sound, or a header without the number."""
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    is_counted = 0 < place <= len(frame) - 12 and frame[place + 7] & _COUNT_FOLLOWS
    return place + 8 if is_counted else None


def _next_frame(file: BinaryIO, at: int, size: int) -> int | None:
    """The next frame behind bytes that are none, if there is one soon, with another behind it; else None."""
    rubbish = bytes_at(file, at, _FEW_BYTES)
    place = rubbish.find(b"\xff", 1)
    while place >= 0:
        length = _frame_bytes(rubbish[place : place + 4])
        if length and at + place + length < size and _frame_bytes(bytes_at(file, at + place + length, 4)):
            return at + place
        place = rubbish.find(b"\xff", place + 1)
    return None


def _frame_bytes(head: bytes) -> int:
    """The length of a frame by its first four bytes; 0 if they are no head of one, or it does not say."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)  # version 3 is 1, 2 is 2, 0 is 2.5
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return 0
    is_first = version == 3
    bits_per_second = 1000 * _KBPS[is_first, layer][bit_rate - 1]
    rate_hz = _RATES_HZ[rate] // {3: 1, 2: 2, 0: 4}[version]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_second // rate_hz + padding) * 4
    return (72 if layer == 3 and not is_first else 144) * bits_per_second // rate_hz + padding


def counts_frames(file: BinaryIO, at: int) -> bool:
    """Whether the stream at a byte begins with the number of its frames; else its length is a guess."""
    frame = bytes_at(file, end_of_tags(file, at), _PROBE_BYTES)
    return _count_at(frame[: _frame_bytes(frame) or None]) is not None


def is_mpeg_file(file: BinaryIO) -> bool:
    """Whether a file is MPEG audio, behind its tags."""
    return is_mpeg(bytes_at(file, end_of_tags(file, 0), 4))
