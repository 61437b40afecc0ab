"""What commands say: results on standard output, progress on standard error."""

import contextlib
import json
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from fat2019.cli.command import Command


class TensorFlowCommand(Command):
    """A command that uses TensorFlow, which is loaded when the options have been read: `--help` does without."""

    def invoke(self, context: click.Context) -> Any:
        """Load TensorFlow, then do as other commands do."""
        verbose = logging.getLogger("fat2019").isEnabledFor(logging.DEBUG)
        with contextlib.nullcontext() if verbose or "tensorflow" in sys.modules else _native_messages_dropped():
            import tensorflow as tf

            tf.config.list_physical_devices()  # looks for drivers
        return super().invoke(context)


def print_result(result: dict[str, Any], json_: bool, lines: Sequence[str]) -> None:
    """The result of a command: as one JSON object, or as lines."""
    click.echo(json.dumps(_without_nan(result), indent=2, default=str) if json_ else "\n".join(lines))


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
    seconds: list[float] = []

    def show(row: dict[str, Any]) -> None:
        seconds.append(row["seconds"])
        left = sum(seconds) / len(seconds) * (sum(epochs[row["stage"] - 1 :]) - row["epoch"])
        logging.getLogger("fat2019").info(
            "epoch %d: loss %.4f, LWLRAP %.4f; validation: loss %.4f, LWLRAP %.4f; %.1f s, about %.0f s left%s",
            row["epoch"],
            row["loss"],
            row["lwlrap"],
            row["val_loss"],
            row["val_lwlrap"],
            row["seconds"],
            left,
            of,
        )

    return show


@contextlib.contextmanager
def _native_messages_dropped() -> Iterator[None]:
    """Keep from standard error what code in C++ writes there, unless there is an exception that it may explain.

    TensorFlow tells of drivers and instructions that it might have used, before it can be told not to.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages, os.fdopen(os.dup(2), "wb") as standard_error:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            standard_error.write(messages.read())
            raise
        finally:
            os.dup2(standard_error.fileno(), 2)
