"""Every script in benchmarks/ starts, so that none rots while nobody measures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in BENCHMARKS.glob("*.py") if "argparse" in path.read_text())
OF_A_RIVAL = {"peer_tagger.py": "torch"}  # a package that the project has no other use for


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_says_what_it_does(script):
    done = subprocess.run(
        [sys.executable, script, "--help"],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
    )
    if script in OF_A_RIVAL and f"No module named {OF_A_RIVAL[script]!r}" in done.stderr:
        return
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith("usage: ") and len(done.stdout) > 200
