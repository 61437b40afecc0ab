"""One folder for all temporary files of a program and its children: what goes with it, goes whole.

Libraries leave theirs to the end of the interpreter (TensorFlow the code that it generates), which a kill does not
reach; and files of a server's visitors must not outlive it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fat2019.utils.ending import undone

_PREFIX = ".fat2019-temporary-"  # which nobody has of their own: what begins with it is removed
_VARIABLE = "TMPDIR"


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let temporary files of this process and its children be made in a folder that is removed in the end.

    Folders of processes that were killed are removed as well. Where no folder can be made, nothing is changed: most
    work needs none.
    """
    try:
        parent = Path(tempfile.gettempdir())
        folder, descriptor = _make(parent)
    except OSError:
        yield
        return
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    variable = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(folder)
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        with undone(remove):
            _sweep(parent)
            yield
    finally:
        remove()
        os.close(descriptor)
        tempfile.tempdir = before
        os.environ.pop(_VARIABLE)
        if variable is not None:
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
