"""Files that are there whole or not at all, whatever happens while they are written."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fat2019.errors import DataError
from fat2019.utils.ending import undone

_UNFINISHED = ".unfinished-"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link",
}


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file or a folder that takes its name when it is finished, safe from a power cut.

    Raises:
        DataError: the disk is full, or something else keeps it from being written; what was there before, stays.
    """
    _require_replaceable(path)
    # Of this process alone: two that write the same file do not write into one another's.
    unfinished = path.absolute().with_name(f"{_UNFINISHED}{os.getpid()}-{path.name}")
    _remove(unfinished)  # a link there would be written through
    try:
        with undone(partial(_remove, unfinished)):
            yield unfinished
            sync(unfinished)
            _take_name(unfinished, path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    except Exception as error:
        if not isinstance(error, DataError) and (reason := _reason_of_the_system(str(error))):
            raise DataError(f"{path}: cannot be written: {reason}") from error
        raise
    finally:
        _remove(unfinished)


def _reason_of_the_system(text: str) -> str | None:
    """What kept another library from writing: TensorFlow, for one, has errors of its own that quote the system's."""
    reasons = map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES))
    return next((reason for reason in reasons if reason in text), None)


def _take_name(unfinished: Path, path: Path) -> None:
    """Rename. A folder takes no other folder's place: they exchange their names, and the older one goes."""
    if not (unfinished.is_dir() and path.is_dir()):
        unfinished.replace(path)
    elif not _exchange(unfinished, path):
        _take_name_in_two_steps(unfinished, path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step, which leaves no moment without either; False if it cannot be."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # another system, or an older library
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _take_name_in_two_steps(unfinished: Path, path: Path) -> None:
    """For file systems that exchange no names: the older folder gives way first."""
    older = unfinished.with_name(f"{unfinished.name}-before")
    path.replace(older)
    try:
        unfinished.replace(path)
    except OSError:
        older.replace(path)
        raise
    _remove(older)


def sync(path: Path) -> None:
    """Make a file durable, or a folder with all that is in it; not yet the name that it has in its own folder."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                _sync_descriptor(Path(folder, name), os.O_RDONLY)
            sync_folder(Path(folder))
    else:
        _sync_descriptor(path, os.O_RDONLY)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, durably."""
    missing = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.absolute().parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    _sync_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY)


def require_place(path: Path) -> None:
    """Check that a file could be written there: long work is not to end with a place that never was one.

    Raises:
        DataError: a folder, a link, a device or the like has that name, or the folder that it is to be in is missing or
            cannot be written to.
    """
    _require_replaceable(path)
    if path.is_dir():
        raise DataError(f"{path}: cannot be written: it is a folder; give a file's name")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise DataError(f"{path}: cannot be written: there is no folder {path.parent}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"{path}: cannot be written: leave to write into {path.parent} is missing")


def require_utf_8(path: Path) -> None:
    """Check that TensorFlow can write there, which takes no other names.

    Raises:
        DataError: it cannot.
    """
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: TensorFlow takes no name that is not UTF-8: give another place") from error


def _require_replaceable(path: Path) -> None:
    """Refuse to replace what is neither file nor folder: it may be a way to something that is not this program's."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # nothing is there, or the folder is at fault, which is told where it is looked at
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(f"{path}: cannot be written: {_KINDS[stat.S_IFMT(mode)]} has that name; give another one")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, by :func:`whole`; in names of folders that are none, bytes are escapes."""
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with whole(path) as unfinished:
        unfinished.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file by :func:`whole`."""
    write_whole(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: the file holds something else.
    """
    try:
        with open_plain(path, "a JSON file") as file:
            value = json.loads(file.read().decode())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object, received {type(value).__name__}")
    return value


def open_plain(path: Path, expected: str = "a file") -> BinaryIO:
    """Open a file for reading, or what a link leads to: a plain file, which ends, and for which nobody has to wait.

    Args:
        path: the file.
        expected: what is to be there, for the message.

    Raises:
        DataError: it is a folder, a device, a FIFO, a socket, or a link that leads back to itself.
        OSError: it is missing, or cannot be opened.
    """
    try:
        # Looked at before it is opened, which alone can do something to a device, and without waiting for a writer.
        _require_plain(path, path.stat().st_mode, expected)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataError(f"{path}: a link that leads back to itself, where {expected} is expected") from error
        raise
    try:
        _require_plain(path, os.fstat(descriptor).st_mode, expected)
    except DataError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")  # noqa: PTH123  a descriptor has no path


def _require_plain(path: Path, mode: int, expected: str) -> None:
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: {_KINDS.get(stat.S_IFMT(mode), 'no plain file')}, where {expected} is expected")


def clear_unfinished(folder: Path) -> None:
    """Remove what a kill left half-written in a folder that nobody writes to."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        _remove(left)


def _sync_descriptor(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # it has no name itself
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # it is not there any more, or what keeps it from going is told elsewhere
            path.unlink()
