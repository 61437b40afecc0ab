"""The folder of a data set, listed: names alone, no file is opened."""

import functools
import os
from pathlib import Path

from fat2019.data.names import AUDIO_SUFFIXES, is_audio
from fat2019.errors import DataError
from fat2019.utils.table_reader import TABLE_SUFFIXES


class Tree:
    """What is below a folder; hidden names are passed over (macOS leaves ``._x.wav`` beside ``x.wav``).

    Args:
        root: the folder.

    Raises:
        DataError: it is not there, no folder, or cannot be listed.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise DataError(f"{root}: no such folder")
        if not root.is_dir():
            raise DataError(f"{root}: a file, where the folder of a data set is expected")
        self.root = root
        self.top = tuple(sorted(scan(root)))

    def has_folder(self, path: str) -> bool:
        """Whether there is a folder of this relative path."""
        return (self.root / path).is_dir()

    def has_file(self, path: str) -> bool:
        """Whether there is a file of this relative path."""
        return (self.root / path).is_file()

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """The relative paths of all files, ``/`` between folders, sorted. Links to folders are followed, once each."""
        found: list[str] = []
        seen: set[tuple[int, int]] = set()
        folders = [""]
        while folders:
            folder = folders.pop()
            status = (self.root / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            files, deeper = _files_and_folders(self.root / folder)
            found += [f"{folder}{name}" for name in files]
            folders += [f"{folder}{name}/" for name in deeper]
        return tuple(sorted(found))

    @functools.cached_property
    def audio(self) -> tuple[str, ...]:
        """The audio files among :attr:`files`."""
        return tuple(path for path in self.files if is_audio(path))

    @functools.cached_property
    def tables(self) -> tuple[str, ...]:
        """The tables among :attr:`files`."""
        return tuple(path for path in self.files if path.lower().endswith(TABLE_SUFFIXES))

    @functools.cached_property
    def known(self) -> frozenset[str]:
        """The files that are audio or tables."""
        return frozenset(self.audio) | frozenset(self.tables)


def scan(folder: Path) -> list[str]:
    """Names in a folder, less the hidden ones.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error


def parent(path: str) -> str:
    """The folder of a relative path: of ``a/b.wav``, ``a``; of ``b.wav``, nothing."""
    return path.rpartition("/")[0]


def base_name(path: str) -> str:
    """A relative path without its folder: ``a/b.wav`` -> ``b.wav``."""
    return path.rpartition("/")[2]


def audio_names(folder: Path) -> list[str]:
    """The audio files in a folder, sorted: at least one.

    Raises:
        DataError: there is none, or the folder cannot be listed.
    """
    names = sorted(name for name in scan(folder) if is_audio(name))
    if not names:
        raise DataError(f"{folder}: no audio files ({', '.join(AUDIO_SUFFIXES[:4])} or the like)")
    return names


def _files_and_folders(folder: Path) -> tuple[list[str], list[str]]:
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    (folders if _is_folder(entry) else files).append(entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error
    return files, folders


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, which is told of if it is to be read
        return False
