"""The clips that a store is made of, as they lie on disk, and whether they are still the ones that it was made of.

Names, sizes and times are compared first, for one scan of a folder. A clip that was replaced by another of the same
size and time has another inode or change time than when it was last looked at, and so has a data set that was copied:
only then is its content compared, by SHA-256.
"""

import collections
import contextlib
import dataclasses
import errno
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fat2019.data.data_set import Clip, DataSet
from fat2019.errors import DataError
from fat2019.store.building.journal import replace
from fat2019.store.manifest import is_file_name
from fat2019.store.shards import open_regular
from fat2019.utils.files import open_plain

STAMPS_NAME = "sources.json"
_MOST_STAMP_BYTES = 1 << 30
_LAST_TIME_NS = (1 << 63) - 1  # in 2262
_MANY = 100  # clips of one time, where that is most of them: an archive's, or a copy's


@dataclasses.dataclass(frozen=True)
class Source:
    """A clip as it was found."""

    fname: str
    path: Path
    labels: tuple[int, ...]  # indices into the vocabulary, ascending
    usage: str
    bytes: int
    mtime_ns: int
    fold: str = ""
    group: str = ""
    stamp: tuple[int, int] = (0, 0)  # inode, and when that last changed in ns: another file has another one


Sources = Mapping[str, Sequence[Source]]  # by split


def list_sources(data_set: DataSet) -> dict[str, list[Source]]:
    """The clips by split, each with size and time: one scan a folder, not one look a clip.

    Raises:
        DataError: there are none, a file is gone or of a time that cannot be noted, or a name occurs in two splits or
            is no name for a store.
    """
    index = {name: number for number, name in enumerate(data_set.vocabulary.names)}
    places = [os.path.split(clip.path) for clip in data_set.clips]  # Path.parent is slow
    found = {folder: scan(folder) for folder in sorted({folder for folder, _ in places})}
    sources: dict[str, list[Source]] = {}
    first_split: dict[str, str] = {}
    for clip, (folder, name) in zip(data_set.clips, places, strict=True):
        _check_name(clip, first_split)
        entry = found[folder].get(name)
        if entry is None:
            raise DataError(f"{clip.path}: no such file: was it removed, or is it a link to nothing?")
        if abs(entry.st_mtime_ns) > _LAST_TIME_NS:
            raise DataError(f"{clip.path}: its time is beyond the year 2262: set another one, for instance with touch")
        labels = tuple(sorted(index[label] for label in clip.labels))
        stamp = (entry.st_ino, entry.st_ctime_ns)
        sources.setdefault(clip.split, []).append(
            Source(
                clip.fname,
                clip.path,
                labels,
                clip.usage,
                entry.st_size,
                entry.st_mtime_ns,
                clip.fold,
                clip.group,
                stamp,
            )
        )
    if not sources:
        raise DataError(f"{data_set.root}: no clips")
    return sources


def scan(folder: str, *, follow_links: bool = True) -> dict[str, os.stat_result]:
    """What is in a folder, but for links to nothing and what goes while it is looked at."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    found[entry.name] = _status(entry, follow_links)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error
    return found


def _status(entry: os.DirEntry[str], follow_links: bool) -> os.stat_result:
    """As :func:`link_status`, of a link that is to be followed."""
    try:
        return entry.stat(follow_symlinks=follow_links)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return entry.stat(follow_symlinks=False)


def link_status(path: Path) -> os.stat_result:
    """The status of what a link leads to; of the link itself, if it leads back to itself: reading tells of that."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return path.lstat()


def content_hash(path: Path) -> str:
    """The SHA-256 of a clip's file; nothing if it cannot be read, or is no plain file."""
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it is buffered
    except (DataError, OSError):
        return ""


def alike_times(sources: Sources) -> tuple[int, int] | None:
    """How many clips have the most frequent time, of how many, if those are so many that times say little."""
    times = collections.Counter(source.mtime_ns for some in sources.values() for source in some)
    clips, most = times.total(), max(times.values())
    return (most, clips) if most >= _MANY and 2 * most > clips else None


class Contents:
    """Whether clips of the right names, sizes and times have the right content.

    Args:
        folder: of the store, which keeps the stamps of the clips in a file beside its shards.
        compare_all: do not trust stamps.
    """

    def __init__(self, folder: Path, *, compare_all: bool = False) -> None:
        self._folder, self._stamps = folder, {} if compare_all else _read_stamps(folder)
        self._compared = 0

    @property
    def compared(self) -> int:
        """How many files had to be read."""
        return self._compared

    def is_the_same(self, source: Source, sha256: str) -> bool:
        """Whether a clip has the content that was hashed when it was built."""
        if self._stamps.get(source.fname) == source.stamp:
            return True
        self._compared += 1
        return content_hash(source.path) == sha256


def write_stamps(folder: Path, sources: Sources) -> None:
    """Note how the clips looked when their contents were known; stamps of other splits are kept."""
    stamps = _read_stamps(folder) | {source.fname: source.stamp for some in sources.values() for source in some}
    replace(folder / STAMPS_NAME, msgspec.json.encode(stamps))


def _read_stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """By clip; none where the file is not there, or not what was written: then contents are compared."""
    try:
        with open_regular(folder / STAMPS_NAME) as file:
            return msgspec.json.decode(file.read(_MOST_STAMP_BYTES), type=dict[str, tuple[int, int]])
    except (DataError, OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _check_name(clip: Clip, first_split: dict[str, str]) -> None:
    texts = (clip.fname, clip.usage, clip.fold, clip.group)
    if not is_file_name(clip.fname) or not all(text.isprintable() for text in texts):
        raise DataError(f"{str(clip.path)!r}: expected a name of readable characters: rename the file")
    if first_split.setdefault(clip.fname, clip.split) != clip.split:
        raise DataError(
            f"{clip.path}: there is a {clip.fname} among the {first_split[clip.fname]} clips too: rename one of them"
        )
