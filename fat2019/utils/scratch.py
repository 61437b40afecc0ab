"""One folder for all temporary files of a program and its children: what goes with it, goes whole.

Libraries leave theirs to the end of the interpreter (TensorFlow the code that it generates), which a kill does not
reach; and files of a server's visitors must not outlive it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fat2019.utils.ending import deferred, undone

_PREFIX = ".fat2019-temporary-"  # which nobody has of their own: what begins with it is removed
_VARIABLE = "TMPDIR"
_TRIES = 50


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let temporary files of this process and its children be made in a folder that is removed in the end.

    Folders of processes that were killed are removed as well. Where no folder can be made, nothing is changed: most
    work needs none.
    """
    with contextlib.ExitStack() as stack:
        with deferred():  # until what is made is known to be removed
            parent = _make_in_place(stack)
        if parent:
            _sweep(parent)
        yield


def _make_in_place(stack: contextlib.ExitStack) -> Path | None:
    """Make the folder and tell everybody of it, until the end of the stack; where it is, if there is any place."""
    try:
        parent = Path(tempfile.gettempdir())
        folder, descriptor = _make(parent)
    except OSError:
        return None
    remove = partial(_remove, folder)
    stack.callback(os.close, descriptor)
    stack.callback(_set, tempfile.tempdir, os.environ.get(_VARIABLE))
    stack.callback(remove)
    stack.enter_context(undone(remove))
    _set(str(folder), str(folder))
    return parent


def _remove(folder: Path) -> None:
    """Remove it although threads that nobody can stop may put another file into it meanwhile."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.01)


def _set(folder: str | None, variable: str | None) -> None:
    tempfile.tempdir = folder
    if variable is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = variable


def _make(parent: Path) -> tuple[Path, int]:
    """A folder, and a descriptor by whose lock others tell that its process is alive."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)  # another one is about to sweep it
            continue
        except OSError:
            return folder, descriptor  # a file system without locks, where nobody sweeps
        if folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    """Remove the folders of this user's processes that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_uid == os.getuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
