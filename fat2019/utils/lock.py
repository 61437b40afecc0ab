"""One builder of a store, one training in a run's folder at a time: a lock that dies with its holder."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fat2019.errors import DataError

LOCK_NAME = "build.lock"
RUN_LOCK_NAME = "train.lock"


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
    descriptor = _acquire(path, doing)
    try:
        yield
    finally:
        # Removed while it is held: whoever opened it meanwhile finds that the name is gone, and tries again.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, doing: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DataError(f"{path.parent}: {holder} is {doing}: wait for it or stop it") from error
        if _is_still(path, descriptor):
            _sign(descriptor)
            return descriptor
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        fields = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {fields['pid']} on {fields['host']} (since {fields['since']})"
    except (ValueError, TypeError, KeyError):  # it holds the lock, and has not signed it yet
        return "another process"


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
