"""The command line: options in, calls to the other modules, results out; nothing is computed here.

Results go to standard output, everything else to standard error. With ``--json`` standard output holds one JSON object.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.

Exit status: 0 done; 1 what was looked for was found, such as damage by ``verify``; 2 something outside the program is
wrong; 130, 143 or 129 ended by SIGINT (Ctrl-C), SIGTERM or SIGHUP.
"""

import contextlib
import errno
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from fat2019 import __version__
from fat2019.cli import experiments, features, look, remote, score, train
from fat2019.cli.output import discard
from fat2019.errors import DataError
from fat2019.utils import ending
from fat2019.utils.printable import printable
from fat2019.utils.progress import PROGRESS_LOG
from fat2019.utils.scratch import own_temporary_folder

_ANYWHERE = ("-q", "--quiet", "-v", "--verbose")
_FROM_EPOCH = "from the last finished epoch"
_RESUMED = {
    "build-features": "from the last finished shards",
    "embed": "from the last finished shard",
    "fetch": "from the last file that is there",
    "demo": "from what is finished",
    "train": _FROM_EPOCH,
    "relabel": _FROM_EPOCH,
    "reproduce": _FROM_EPOCH,
    "compare": _FROM_EPOCH,
    "sweep": _FROM_EPOCH,
}


class _Failure(click.ClickException):
    """One line on standard error; something outside the program is wrong."""

    exit_code = 2

    def format_message(self) -> str:
        """One line, whatever the names in it hold."""
        return printable(" ".join(self.message.split("\n")))

    def show(self, file: Any = None) -> None:
        """Say it, if there is anybody to hear it."""
        try:
            super().show(file)
        except (OSError, ValueError):  # standard error is full or closed: the exit status is what is left
            discard(sys.stderr)


class _Interrupted(_Failure):
    """Ctrl-C, or another signal to end."""

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """As a shell has it."""
        return 128 + (ending.asked() or signal.SIGINT)

    def show(self, file: Any = None) -> None:
        if ending.may_say():
            super().show(file)


class _Group(click.Group):
    """Turns whatever goes wrong into one line and an exit status; ``--verbose`` shows where it happened as well."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take ``--quiet`` and ``--verbose`` wherever they stand."""
        options = args[: args.index("--")] if "--" in args else args
        first = [arg for arg in options if arg in _ANYWHERE]
        others = [arg for arg in options if arg not in _ANYWHERE]
        try:
            return super().parse_args(context, [*first, *others, *args[len(options) :]])
        except KeyboardInterrupt as error:  # which click would call aborted
            raise _Interrupted("interrupted") from error

    def __call__(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run as the program that this process is, to its end, unless a caller wants to have it back."""
        with contextlib.ExitStack() as stack:
            if standalone_mode:
                stack.enter_context(ending.signals_taken())
                stack.enter_context(own_temporary_folder())
            return super().__call__(*args, standalone_mode=standalone_mode, **kwargs)

    def invoke(self, context: click.Context) -> Any:
        ending.last_words(lambda: f"Error: {_interrupted(context)}")
        try:
            return super().invoke(context)
        except (click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            raise _Interrupted(_interrupted(context)) from error
        except Exception as error:
            if ending.asked():  # whatever became of it on its way through other libraries
                raise _Interrupted(_interrupted(context)) from error
            if isinstance(error, click.ClickException):
                raise
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever reads our output has had enough: click ends in silence
            logging.getLogger("fat2019").debug("where it happened:", exc_info=True)
            _flush_or_discard()
            raise _Failure(_said(error)) from error


def _interrupted(context: click.Context) -> str:
    resumes = _RESUMED.get(context.invoked_subcommand or "")
    return f"interrupted; run the same command again to resume {resumes}" if resumes else "interrupted"


def _flush_or_discard() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        discard(sys.stdout)


def _said(error: Exception) -> str:
    """One line on what went wrong."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: a file is where a folder is to be made"
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:  # whoever raised it knew no better
            return f"{error.strerror} (--verbose shows where)"
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    lines = str(error).strip().splitlines()
    return f"unexpected {type(error).__name__}: {lines[0] if lines else 'no message'} (--verbose shows where)"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="fat2019")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print details, other libraries' messages, and where errors arise.")
def main(quiet: bool, verbose: bool) -> None:
    """Train audio taggers on your own sounds or on FSDKaggle2019, and tag any sound with them."""
    _reopen_standard_streams()
    # What TensorFlow calls an error is advice as well (a kernel that a processor does not have); what fails, raises.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "3")
    logging.raiseExceptions = False  # of messages that standard error does not take
    standard_error = logging.StreamHandler(sys.stderr)
    standard_error.setFormatter(_Formatter("%(message)s"))
    standard_error.setLevel(logging.WARNING if quiet else logging.NOTSET)  # a run's log.txt is told all the same
    logging.basicConfig(level=logging.WARNING, handlers=[standard_error])
    logging.getLogger("fat2019").setLevel(logging.DEBUG if verbose else logging.INFO)
    PROGRESS_LOG.setLevel(logging.WARNING if quiet else logging.NOTSET)


class _Formatter(logging.Formatter):
    """Messages may name files."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _reopen_standard_streams() -> None:
    """Give closed standard streams the null device: else the next file that is opened gets their number.

    What C++ code writes to standard error would then be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  until the end


for _command in (
    features.demo,
    features.build_features,
    features.embed,
    features.info,
    features.verify,
    train.train,
    train.relabel,
    train.recipes,
    train.models,
    experiments.reproduce,
    experiments.compare,
    experiments.sweep,
    score.evaluate,
    score.predict,
    score.average,
    look.explore,
    look.report,
    look.tag,
    look.serve,
    look.export,
    remote.fetch,
):
    main.add_command(_command)
