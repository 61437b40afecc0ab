"""One builder of a store, one training in a run's folder at a time: a lock that dies with its holder."""

import errno
import fcntl
import json
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fat2019.errors import DataError
from fat2019.utils.ending import undone

LOCK_NAME = "build.lock"
RUN_LOCK_NAME = "train.lock"
OWNER_SUFFIX = ".owner"  # of what stands for a lock where the file system has none
LOCK_NAMES = (LOCK_NAME, LOCK_NAME + OWNER_SUFFIX)
RUN_LOCK_NAMES = (RUN_LOCK_NAME, RUN_LOCK_NAME + OWNER_SUFFIX)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_SECONDS_BETWEEN_BEATS = 20.0
_SECONDS_UNTIL_DEAD = 300.0  # machines' clocks differ, and a network's folder shows times late


@contextmanager
def build_lock(folder: Path) -> Iterator[None]:
    """Hold a store's folder for this builder alone.

    Raises:
        DataError: another builder holds it, who is named. The lock of one that died holds nobody back.
    """
    with _held(folder / LOCK_NAME, "building this store"):
        yield


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run's folder for this training alone, as :func:`build_lock` does."""
    with _held(folder / RUN_LOCK_NAME, "training in this folder"):
        yield


@contextmanager
def _held(path: Path, doing: str) -> Iterator[None]:
    try:
        descriptor = _acquire(path, doing)
    except _NoLocks as error:
        with _owned(path.with_name(path.name + OWNER_SUFFIX), doing, str(error)):
            yield
        return
    try:
        with undone(path.unlink):
            yield
    finally:
        # Removed while it is held: whoever opened it meanwhile finds that the name is gone, and tries again.
        path.unlink(missing_ok=True)
        os.close(descriptor)


class _NoLocks(Exception):
    """The file system has none."""


def _acquire(path: Path, doing: str) -> int:
    while True:
        descriptor = _open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DataError(f"{path.parent}: {holder} is {doing}: wait for it or stop it") from error
        except OSError as error:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            if error.errno in _WITHOUT_LOCKS:
                raise _NoLocks(error.strerror) from error
            raise DataError(f"{path}: cannot be locked: {error.strerror}") from error
        if _is_still(path, descriptor):
            _sign(descriptor)
            return descriptor
        os.close(descriptor)


@contextmanager
def _owned(path: Path, doing: str, reason: str) -> Iterator[None]:
    """Hold a file that only one process can have made, and show by its time that its owner is alive."""
    logging.getLogger("fat2019").warning(
        "%s: no locks on this file system (%s): a file with the owner's name is used instead", path.parent, reason
    )
    while not _made(path):
        _require_dead(path, doing)
        path.unlink(missing_ok=True)
    finished = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, finished), daemon=True)
    heart.start()
    try:
        with undone(path.unlink):
            yield
    finally:
        finished.set()
        heart.join()
        path.unlink(missing_ok=True)


def _made(path: Path) -> bool:
    try:
        descriptor = _open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return False
    _sign(descriptor)
    os.close(descriptor)
    return True


def _require_dead(path: Path, doing: str) -> None:
    """Check that the owner of a file is gone: its process on this machine, its heartbeat on another one."""
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        silent_s = time.time() - os.fstat(descriptor).st_mtime
        fields, holder = _signature(descriptor), _holder(descriptor)
    finally:
        os.close(descriptor)
    dead_here = fields.get("host") == socket.gethostname() and not _is_alive(fields.get("pid"))
    if not dead_here and silent_s < _SECONDS_UNTIL_DEAD:
        raise DataError(f"{path.parent}: {holder} is {doing}: wait for it or stop it")


def _is_alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _beat(path: Path, finished: threading.Event) -> None:
    while not finished.wait(_SECONDS_BETWEEN_BEATS):
        with suppress(OSError):
            os.utime(path, follow_symlinks=False)


def _open(path: Path, flags: int) -> int:
    """Open a lock, and nothing that a link leads to: whoever shares the folder could have it truncated."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise DataError(f"{path}: a link, a folder or a FIFO, where a lock is expected: remove it") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataError(f"{path}: no plain file, where a lock is expected: remove it")
    return descriptor


def _sign(descriptor: int) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    fields = _signature(descriptor)
    if not fields.keys() >= {"pid", "host", "since"}:  # it holds the lock, and has not signed it yet
        return "another process"
    return f"process {fields['pid']} on {fields['host']} (since {fields['since']})"


def _signature(descriptor: int) -> dict[str, object]:
    try:
        fields = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
