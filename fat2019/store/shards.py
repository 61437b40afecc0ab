"""What a shard is: its name, its key and its files.

A shard holds the clips of one split whose names hash to it, ordered by name, so that a clip that comes or
goes touches one shard. ``schema.py`` says what is stored of a clip, ``formats/`` how that lies in files;
features/README.md documents the whole.
"""

import contextlib
import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import google_crc32c
import msgspec
from msgspec import Meta

from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.schema import ClipFeatures

_KEY_VERSION = 1  # of what a key is made from, whatever else changes in the files
# The end of every message about damage.
REPAIR = "`fat2019 verify` lists the damage, `build-features --repair` repairs it"
# What is said of a shard that is not the one of the manifest.
CHANGED = "the store was changed while it was open (or files of two stores are mixed): open it again"


Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a finished shard."""

    name: str
    bytes: Annotated[int, Meta(ge=0, lt=1 << 62)]
    sha256: Sha256


def shard_name(split: str, index: int, count: int) -> str:
    """``curated-00003-of-00032``."""
    return f"{split}-{index:05d}-of-{count:05d}"


def shard_index(fname: str, count: int) -> int:
    """The shard of a clip: a function of its name alone, the same everywhere."""
    return int(google_crc32c.value(fname.encode())) % count


def content_key(name: str, config: FeatureConfig, vocabulary: Vocabulary, clips: Iterable[ClipFeatures]) -> str:
    """SHA-256 that tells a shard from any other, of another store or of another state of this one."""
    digest = hashlib.sha256(f"{_KEY_VERSION}\0{name}\0{config.digest()}\0{vocabulary.names}\0".encode())
    for clip in clips:
        checksum = google_crc32c.value(clip.audio.tobytes())
        digest.update(f"{clip.fname}\0{clip.labels}\0{clip.usage}\0{checksum}\0".encode())
    return digest.hexdigest()


def open_regular(path: Path) -> io.FileIO:
    """Open a file of a store for reading: a plain file in its folder, no link elsewhere, no device.

    Raises:
        DataError: it is missing or something else.
    """
    with read_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataError(f"{path}: not a plain file: {REPAIR}")
    return io.FileIO(descriptor, "rb")


@contextlib.contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Name the file of a store that the system cannot read, which its own error does not do.

    Raises:
        DataError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}: {REPAIR}") from error


def sha256(file: io.FileIO, path: Path) -> str:
    """The SHA-256, as hexadecimal digits, of an open file of this path.

    Raises:
        DataError: it cannot be read.
    """
    with read_errors(path):
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_key(found: Any, key: str, path: Path) -> None:
    """Refuse a shard that is not the one the manifest was written for."""
    if found != key.encode():
        raise DataError(f"{path}: {CHANGED}")
