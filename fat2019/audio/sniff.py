"""Whether a file is audio, by its first bytes."""

from pathlib import Path

from fat2019.audio import ffmpeg
from fat2019.audio.containers.extent import begins_recording
from fat2019.errors import DataError
from fat2019.utils.files import open_plain

_MAGIC_BYTES = 40


def begins_as_audio(path: Path) -> bool:
    """Whether a file of any name begins as those of a known format do; what cannot be opened does not."""
    try:
        with open_plain(path) as file:
            head = file.read(_MAGIC_BYTES)
    except (OSError, DataError):
        return False
    # An MPEG frame begins with two bytes that other files may begin with as well; a tag does not.
    return begins_recording(head) or head[:3] == b"ID3" or ffmpeg.format_of(head) is not None
