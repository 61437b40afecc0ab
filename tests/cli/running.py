"""Commands as a user gives them: what they print, and how they fail."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from fat2019.cli import main

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def failure(*arguments):
    """The message of a command that must fail as bad input does."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def write_rows(root, *rows):
    (root / "train_curated.csv").write_text("\n".join(["fname,labels", *rows]) + "\n")


def ran(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def interrupted(arguments, is_time):
    """What a command has printed and said, when Ctrl-C comes at the time."""
    process = subprocess.Popen(
        [sys.executable, "cli.py", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal starts it: whoever runs the tests in the background has Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not is_time(process):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    return printed, said
