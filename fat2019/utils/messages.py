"""Messages that native libraries write to standard error, past Python and every option of the command line."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def standard_error_dropped() -> Iterator[None]:
    """Drop what this process writes to standard error meanwhile, exceptions aside, which are raised as ever."""
    sys.stderr.flush()
    try:
        standard_error = os.dup(2)
    except OSError:  # it is closed: nothing is to be dropped
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
