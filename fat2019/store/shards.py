"""What a shard is: its name, its clips and the shapes of its arrays.

A shard holds the clips of one split whose names hash to it, ordered by name, so that a clip that comes or
goes touches one shard. How it is laid out in files is told by ``shards_hdf5.py`` and ``shards_tfrecord.py``;
features/README.md documents the whole.
"""

import contextlib
import dataclasses
import functools
import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError

FORMAT_VERSION = 1
FORMATS = ("hdf5", "tfrecord")

# What a shard's files are called after its name. Training streams log-mels, and must not read audio for them.
HDF5_SUFFIX = ".h5"
AUDIO_SUFFIX = ".audio.tfrecord"
LOG_MEL_SUFFIX = ".logmel.tfrecord"
_SUFFIXES = {"hdf5": (HDF5_SUFFIX,), "tfrecord": (AUDIO_SUFFIX, LOG_MEL_SUFFIX)}

# The end of every message about damage.
REPAIR = "`fat2019 verify` lists the damage, `build-features --repair` mends it"
# What is said of a shard that is not the one of the manifest.
CHANGED = "the store was changed while it was open (or files of two stores are mixed): open it again"


@dataclasses.dataclass(frozen=True)
class ClipFeatures:
    """Everything that is stored of one clip."""

    fname: str
    labels: tuple[int, ...]  # indices into the vocabulary, ascending
    usage: str
    audio: NDArray[np.int16]  # (samples,), desilenced, before repetition
    log_mel: NDArray[Any]  # (frames, mels) in the stored type
    decibel_range: NDArray[np.float32]  # (2,), least and greatest decibels
    energy: NDArray[np.int64]  # (energy points,)
    source_rate_hz: int
    source_samples: int
    kept_whole: bool


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """A file of a finished shard."""

    name: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class ShardHead:
    """What the files say of a shard as a whole."""

    name: str
    split: str
    key: str
    config: FeatureConfig
    vocabulary: Vocabulary


@dataclasses.dataclass(frozen=True)
class ShardShape:
    """The clips of a shard and their lengths, from which every shape in its files follows."""

    name: str
    key: str
    config: FeatureConfig
    classes: int
    fnames: tuple[str, ...]
    usages: tuple[str, ...]
    samples: tuple[int, ...]
    frames: tuple[int, ...]

    @functools.cached_property
    def audio_offset(self) -> NDArray[np.int64]:
        """``(clips + 1,)``: clip i has the entries from offset i up to offset i + 1; so for the next two."""
        return offsets(self.samples)

    @functools.cached_property
    def frame_offset(self) -> NDArray[np.int64]:
        return offsets(self.frames)

    @functools.cached_property
    def energy_offset(self) -> NDArray[np.int64]:
        return offsets([energy_points(frames, self.config) for frames in self.frames])


def shard_name(split: str, index: int, count: int) -> str:
    """``curated-00003-of-00032``."""
    return f"{split}-{index:05d}-of-{count:05d}"


def shard_files(name: str, formats: Iterable[str]) -> tuple[str, ...]:
    """The names of a shard's files in these formats."""
    return tuple(name + suffix for form in FORMATS if form in formats for suffix in _SUFFIXES[form])


def shard_index(fname: str, count: int) -> int:
    """The shard of a clip: a function of its name alone, the same everywhere."""
    return int(google_crc32c.value(fname.encode())) % count


def energy_points(frames: int, config: FeatureConfig) -> int:
    """Entries of a clip's cumulative energy: one more than the hops that its frames see."""
    return frames + config.n_fft // config.hop_samples


def offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """``(n,)`` lengths -> ``(n + 1,)`` where each piece starts in their concatenation, and its length."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def multi_hot(labels: Sequence[int], classes: int) -> NDArray[np.uint8]:
    """Indices of classes -> ``(classes,)``."""
    vector = np.zeros(classes, np.uint8)
    vector[list(labels)] = 1
    return vector


def indices_of(vector: NDArray[np.uint8], path: Path) -> tuple[int, ...]:
    """The inverse of :func:`multi_hot`.

    Raises:
        DataError: the vector, which was read from ``path``, holds something other than 0 and 1.
    """
    if vector.max(initial=0) > 1:
        raise DataError(f"{path}: damaged: labels that are neither 0 nor 1: {REPAIR}")
    return tuple(np.flatnonzero(vector).tolist())


def content_key(name: str, config: FeatureConfig, vocabulary: Vocabulary, clips: Iterable[ClipFeatures]) -> str:
    """SHA-256 that tells a shard from any other, of another store or of another state of this one."""
    digest = hashlib.sha256(f"{FORMAT_VERSION}\0{name}\0{config.digest()}\0{vocabulary.names}\0".encode())
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
