"""The command line: options in, calls to the other modules, results out; nothing is computed here.

Results go to standard output, everything else to standard error. With ``--json`` standard output holds one JSON object.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

import errno
import logging
import os
import sys
from typing import Any

import click

from fat2019 import __version__
from fat2019.cli import experiments, features, look, score, train
from fat2019.errors import DataError
from fat2019.utils.progress import PROGRESS_LOG

_ANYWHERE = ("-q", "--quiet", "-v", "--verbose")
_FROM_EPOCH = "from the last finished epoch"
_RESUMED = {
    "build-features": "from the last finished shards",
    "demo": "from what is finished",
    "train": _FROM_EPOCH,
    "relabel": _FROM_EPOCH,
    "reproduce": _FROM_EPOCH,
    "compare": _FROM_EPOCH,
    "sweep": _FROM_EPOCH,
}


class _BadInput(click.ClickException):
    """Something outside the program is wrong."""

    exit_code = 2


class _Interrupted(click.ClickException):
    """Ctrl-C."""

    exit_code = 130


class _Group(click.Group):
    """Turns what is wrong outside the program into one line and an exit status."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take ``--quiet`` and ``--verbose`` wherever they stand."""
        options = args[: args.index("--")] if "--" in args else args
        first = [arg for arg in options if arg in _ANYWHERE]
        others = [arg for arg in options if arg not in _ANYWHERE]
        return super().parse_args(context, [*first, *others, *args[len(options) :]])

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DataError as error:
            raise _BadInput(str(error)) from error
        except OSError as error:
            # Whoever reads our output has had enough (click ends then in silence); or no file is to blame.
            if error.errno == errno.EPIPE or error.filename is None:
                raise
            logging.getLogger("fat2019").debug("where it happened:", exc_info=True)
            raise _BadInput(_said(error)) from error
        except KeyboardInterrupt as error:
            goes_on = (
                f"; the same command goes on {from_}"
                if (from_ := _RESUMED.get(context.invoked_subcommand or ""))
                else ""
            )
            raise _Interrupted(f"interrupted{goes_on}") from error


def _said(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename}: a file is where a folder is to be made"
    return f"{error.filename}: {error.strerror}"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="fat2019")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is done.")
def main(quiet: bool, verbose: bool) -> None:
    """Tag sounds: features once, training fast, for Freesound Audio Tagging 2019 and data sets shaped like it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "2")
    standard_error = logging.StreamHandler(sys.stderr)
    standard_error.setLevel(logging.WARNING if quiet else logging.NOTSET)  # a run's log.txt is told all the same
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[standard_error])
    logging.getLogger("fat2019").setLevel(logging.DEBUG if verbose else logging.INFO)
    PROGRESS_LOG.setLevel(logging.WARNING if quiet else logging.NOTSET)


for _command in (
    features.demo,
    features.build_features,
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
):
    main.add_command(_command)
