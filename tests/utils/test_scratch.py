import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fat2019.utils.scratch import own_temporary_folder

ROOT = Path(__file__).parents[2]


def test_temporary_files_of_the_process_and_its_children_lie_in_one_folder_that_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", "before")
    with own_temporary_folder():
        [folder] = tmp_path.iterdir()
        Path(tempfile.mkdtemp(), "left").touch()
        child = [sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"]
        made = subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip()
        assert len(list(folder.iterdir())) == 2 and Path(made).parent == folder
    assert not list(tmp_path.iterdir())
    assert (tempfile.gettempdir(), os.environ["TMPDIR"]) == (str(tmp_path), "before")


def test_the_folder_of_a_process_that_was_killed_is_removed_and_that_of_a_living_one_stays(tmp_path, monkeypatch):
    program = """
import os, sys, tempfile
from fat2019.utils.scratch import own_temporary_folder
with own_temporary_folder():
    tempfile.mkstemp()
    print(tempfile.gettempdir(), flush=True)
    sys.stdin.read()
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": environment}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as process:
        folder = Path(process.stdout.readline().strip())
        own = tmp_path / "fat2019-of-a-user"
        own.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with own_temporary_folder():
            assert len(list(folder.iterdir())) == 1
        process.kill()
    assert folder.exists()
    with own_temporary_folder():
        assert not folder.exists()
    assert own.exists()


def test_without_a_place_for_temporary_files_nothing_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with own_temporary_folder():
        assert tempfile.gettempdir() == str(tmp_path / "missing")


def test_a_thread_that_still_writes_does_not_keep_the_folder_there(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", "before")
    rmdir, beaten = os.rmdir, []

    def beaten_twice(path, **options):
        if len(beaten) < 2:
            beaten.append(next(tmp_path.iterdir(), None))
            (beaten[-1] / "written meanwhile").touch()
        rmdir(path, **options)

    with own_temporary_folder():
        monkeypatch.setattr(os, "rmdir", beaten_twice)
    assert len(beaten) == 2 and not list(tmp_path.iterdir())
