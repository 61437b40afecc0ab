"""What code in C++ writes to standard error, kept from users."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def native_messages_dropped() -> Iterator[None]:
    """Keep from standard error what code in C++ writes there, unless there is an exception that it may explain.

    TensorFlow tells of drivers and instructions that it might have used, before it can be told not to.
    """
    if sys.stderr is None:  # it is closed, and its number may be another file's
        yield
        return
    sys.stderr.flush()
    # In memory: there may be no folder for temporary files, and nothing that is left to be removed.
    with os.fdopen(os.memfd_create("messages"), "w+b") as messages, os.fdopen(os.dup(2), "wb") as standard_error:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except Exception:
            messages.seek(0)
            standard_error.write(messages.read())
            raise
        finally:
            os.dup2(standard_error.fileno(), 2)
