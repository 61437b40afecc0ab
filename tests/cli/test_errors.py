"""Whatever goes wrong ends in one line and an exit status, and ``--verbose`` shows where it happened."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fat2019 import cli
from fat2019.errors import DataError

ROOT = Path(__file__).parents[2]
RAISED = []


@pytest.fixture(autouse=True, scope="module")
def _a_command_that_fails():
    """For these tests alone: others go through all commands."""

    @cli.main.command("fail", hidden=True)
    def fail():
        """Raise what a test wants raised."""
        raise RAISED.pop()

    yield
    del cli.main.commands["fail"]


def failed(error, *options):
    RAISED.append(error)
    result = CliRunner().invoke(cli.main, [*options, "fail"])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("x.wav: cannot be read"), "x.wav: cannot be read"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/a"), "runs/a: Permission denied"),
        (FileExistsError(errno.EEXIST, "File exists", "runs"), "runs: a file is where a folder is to be made"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device (--verbose shows where)"),
        (DataError("a\x1b[31m\nb: cannot be read"), r"a\x1b[31m b: cannot be read"),
        (OSError("port is taken"), "unexpected OSError: port is taken (--verbose shows where)"),
        (MemoryError(), "there is not enough memory"),
        (ImportError("libx.so: no such file"), "unexpected ImportError: libx.so: no such file (--verbose shows where)"),
        (ValueError("first\nsecond"), "unexpected ValueError: first (--verbose shows where)"),
        (RuntimeError(), "unexpected RuntimeError: no message (--verbose shows where)"),
    ],
)
def test_any_exception_is_one_line_and_status_2(error, line):
    assert failed(error) == (2, f"Error: {line}\n")


def test_an_interruption_is_status_130():
    assert failed(KeyboardInterrupt()) == (130, "Error: interrupted\n")


def test_where_it_happened_is_shown_with_verbose_alone(caplog):
    failed(ValueError("broken"))
    assert "Traceback" not in caplog.text
    with caplog.at_level(logging.DEBUG, "fat2019"):
        status, _ = failed(ValueError("broken"), "--verbose")
    assert status == 2
    assert "Traceback" in caplog.text and "in fail" in caplog.text


def test_usage_errors_stay_clicks_own():
    assert failed(click.UsageError("no such option"))[0] == 2
    assert CliRunner().invoke(cli.main, ["fial"]).exit_code == 2


def shell(command):
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("fat2019", f"{sys.executable} cli.py", 1)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )


def test_a_full_standard_output_is_one_line_and_status_2():
    done = shell("fat2019 recipes >/dev/full")
    assert (done.returncode, done.stderr) == (2, "Error: standard output: cannot be written: No space left on device\n")


def test_a_closed_standard_output_is_one_line_and_status_2():
    done = shell("fat2019 recipes >&-")
    assert (done.returncode, done.stderr) == (
        2,
        "Error: standard output is closed: there is no place for the result\n",
    )


def test_a_reader_that_has_had_enough_ends_a_command_in_silence():
    assert shell("fat2019 recipes --json | head -n 1").stderr == ""


def test_a_closed_or_full_standard_error_leaves_the_status():
    assert shell("fat2019 info none 2>&-").returncode == 2
    assert shell("fat2019 info none 2>/dev/full").returncode == 2
    assert shell("fat2019 recipes <&- 2>&-").returncode == 0
