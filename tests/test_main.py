"""All ways to start the command line are one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "start", [("cli.py",), ("-m", "fat2019"), ("-c", "from fat2019.__main__ import run; run('fat2019')")]
)
def test_however_it_is_started_the_help_is_the_same(start):
    from fat2019.cli import main

    done = subprocess.run([sys.executable, *start, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    own_name = "cli.py" if start == ("cli.py",) else "fat2019"
    assert done.stdout.startswith(f"Usage: {own_name} [OPTIONS] COMMAND")
    assert [name for name in main.commands if f"  {name} " in done.stdout] == list(main.commands)


def test_ctrl_c_before_anything_has_begun_ends_it_by_the_signal_without_a_word():
    program = """if True:
        import os, sys
        import fat2019.__main__ as start

        class AtTheNextImport:
            def find_spec(self, *_):
                os.kill(os.getpid(), 2)

        sys.meta_path.insert(0, AtTheNextImport())
        start.run("fat2019")"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-2, "", "")
