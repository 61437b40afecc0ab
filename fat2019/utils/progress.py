"""What long work shows meanwhile: a bar with an ETA on a terminal, plain lines elsewhere.

Everything goes to standard error, so that standard output holds results alone; nothing does after ``--quiet``.
"""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

PROGRESS_LOG = logging.getLogger("fat2019.progress")  # progress is shown where this says what is of interest
_SECONDS_BETWEEN_LINES = 5.0

Progress = Callable[[int, int], None]  # done, of how many


@contextlib.contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show how far work has come: ``with progress("clips") as show: show(3, 10)``."""
    if not PROGRESS_LOG.isEnabledFor(logging.INFO):
        yield lambda done, total: None
        return
    if not sys.stderr.isatty():
        yield _Lines(what)
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("ETA"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """A line every few seconds, and one at the end."""

    def __init__(self, what: str) -> None:
        self._what, self._began = what, time.monotonic()
        self._last = self._began

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        spent = now - self._began
        left = f", about {spent / done * (total - done):.0f} s left" if 0 < done < total else f" in {spent:.1f} s"
        with contextlib.suppress(OSError):  # standard error is full, or nobody reads it: the work is worth more
            print(f"{self._what}: {done} of {total}{left}", file=sys.stderr, flush=True)
