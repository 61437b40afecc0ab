"""Output of commands: results on standard output, progress on standard error."""

import contextlib
import errno
import json
import logging
import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from fat2019.errors import DataError
from fat2019.utils.printable import one_line, printable

if TYPE_CHECKING:
    from fat2019.data.clip import DataSet


def print_result(result: dict[str, Any], json_: bool, lines: Sequence[str]) -> None:
    """The result of a command: as one JSON object, or as lines."""
    print_text(json.dumps(_without_nan(result), indent=2, default=str) if json_ else printable("\n".join(lines)))


def print_text(text: str, end: str = "\n") -> None:
    """Part of a result.

    Raises:
        DataError: standard output does not take it.
    """
    if sys.stdout is None:
        raise DataError("standard output is closed: there is no place for the result")
    try:
        click.echo(text + end, nl=False)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever reads it has had enough
            raise
        raise DataError(f"standard output: cannot be written: {error.strerror}") from error


def complain(text: str) -> None:
    """A line on standard error that is no log, if it takes one: the exit status says the same."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(one_line(text), err=True)


def discard(stream: TextIO | None) -> None:
    """Send what a standard stream still holds nowhere: Python flushes it at its end, and would fail once more."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN; what is not a number is null."""
    if isinstance(value, dict):
        return {name: _without_nan(of_name) for name, of_name in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say_epoch(row: dict[str, Any]) -> None:
    """A line for an epoch of one of many runs."""
    logging.getLogger("fat2019").info(
        "stage %d, epoch %d: LWLRAP %.4f, on validation %.4f; %.1f s",
        row["stage"],
        row["epoch"],
        row["lwlrap"],
        row["val_lwlrap"],
        row["seconds"],
    )


def epoch_line(epochs: Sequence[int], of: str = "") -> Callable[[dict[str, Any]], None]:
    """A line an epoch on standard error, with an ETA; ``epochs`` are those of each stage, ``of`` says what is left."""
    seconds: list[float] = []  # of each epoch; the first of a session also prepares the training step

    def show(row: dict[str, Any]) -> None:
        seconds.append(row["seconds"])
        epochs_left = sum(epochs[row["stage"] - 1 :]) - row["epoch"]
        left = f", about {statistics.median(seconds[1:]) * epochs_left:.0f} s left{of}" if seconds[1:] else ""
        logging.getLogger("fat2019").info(
            "epoch %d: loss %.4f, LWLRAP %.4f; validation: loss %.4f, LWLRAP %.4f; %.1f s%s",
            row["epoch"],
            row["loss"],
            row["lwlrap"],
            row["val_loss"],
            row["val_lwlrap"],
            row["seconds"],
            left,
        )

    return show


def say_what_was_found(data_set: "DataSet") -> None:
    """Log a data set's layout, notes on it, and the files that are left out."""
    log = logging.getLogger("fat2019")
    log.info("%s", data_set.describe())
    for note in data_set.notes:
        log.info("%s", note)
    by_reason: dict[str, list[str]] = {}
    for fname, reason in data_set.left_out:
        by_reason.setdefault(reason, []).append(fname)
    for reason, fnames in by_reason.items():
        more = f" and {len(fnames) - 5} more" if len(fnames) > 5 else ""
        log.info("left out, %s: %s%s", reason, ", ".join(fnames[:5]), more)
