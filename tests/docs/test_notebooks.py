"""Both notebooks run from the first cell to the last, on sounds made for it, for one epoch."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

from fat2019.experiments.demo import make_data_set

ROOT = Path(__file__).parents[2]
SOON = "--epochs 1 --validation-share 0.25"
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=600, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""  # a process for each: a second client in one process finds its kernel's sockets closed


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A folder of its own, in which ``fat2019`` is this project's command; and its kernel is this interpreter."""
    command = tmp_path / "bin" / "fat2019"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fat2019 "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv(
        "PATH", f"{command.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))  # no kernel of the user's
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("WHEELS", "ZIP", "SOURCE"):
        monkeypatch.setenv(f"FAT2019_{name}", str(tmp_path / "none"))
    monkeypatch.setenv("FAT2019_OPTIONS", SOON)
    return tmp_path


def test_the_notebook_for_kaggle_ends_with_a_submission(environment, monkeypatch):
    make_data_set(environment / "data", curated=56, noisy=8, test=8)
    monkeypatch.setenv("FAT2019_DATA", str(environment / "data"))
    run("kaggle", environment)
    lines = (environment / "submission.csv").read_text().splitlines()
    assert lines[0] == (environment / "data" / "sample_submission.csv").read_text().splitlines()[0]
    assert len(lines) == 9


def test_the_notebook_for_own_sounds_ends_with_tags_and_an_export(environment, monkeypatch):
    monkeypatch.setenv("FAT2019_OPTIONS", f"--model simple {SOON}")  # which compiles sooner
    random = np.random.default_rng(0)
    for number in range(16):
        path = environment / "sounds" / ("Hiss", "Hum")[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, random.normal(0, 0.1, 16_000), 16_000)
    run("own_sounds", environment)
    assert len((environment / "tags.tsv").read_text().splitlines()) == 2 * 16
    assert (environment / "tagger.tflite").stat().st_size > 10_000
    assert "Hiss" in (environment / "report.html").read_text()


@pytest.mark.parametrize("name", ["kaggle", "own_sounds"])
def test_a_notebook_is_stored_without_outputs(name):
    book = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in book.cells)


def run(name, folder):
    """Execute a notebook in a folder; a command that fails is an error, as a cell that fails is."""
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(ROOT / "notebooks" / f"{name}.ipynb"), "executed.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    book = nbformat.read(folder / "executed.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", ()))
    assert "Error" not in printed, printed
