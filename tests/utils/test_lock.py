"""Locks: one holder at a time, nobody held back by the dead, nothing written through a link, and without flock."""

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest

from fat2019.errors import DataError
from fat2019.utils import lock
from fat2019.utils.lock import LOCK_NAME, OWNER_SUFFIX, RUN_LOCK_NAME, build_lock, run_lock


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def no_locks(request, monkeypatch):
    """A file system without locks."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


def refusal(folder):
    with pytest.raises(DataError) as caught, build_lock(folder):
        pytest.fail("two hold it")
    return str(caught.value)


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path):
    with build_lock(tmp_path):
        assert f"process {os.getpid()} on " in refusal(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_locks_a_file_with_its_owners_name_holds_others_back_and_says_so(no_locks, tmp_path, caplog):
    with build_lock(tmp_path):
        assert f"process {os.getpid()} on {socket.gethostname()}" in refusal(tmp_path)
    assert "no locks on this file system" in caplog.text
    assert not list(tmp_path.iterdir())
    with build_lock(tmp_path):
        pass


def test_without_locks_an_owner_that_died_holds_nobody_back(no_locks, tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    owner = tmp_path / (LOCK_NAME + OWNER_SUFFIX)
    owner.write_text(json.dumps({"pid": dead.pid, "host": socket.gethostname(), "since": "yesterday"}))
    with build_lock(tmp_path):
        assert json.loads(owner.read_text())["pid"] == os.getpid()


def test_without_locks_an_owner_on_another_machine_is_dead_when_its_heart_has_stopped(no_locks, tmp_path, monkeypatch):
    owner = tmp_path / (LOCK_NAME + OWNER_SUFFIX)
    owner.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "today"}))
    assert "process 1 on elsewhere (since today) is building this store" in refusal(tmp_path)
    os.utime(owner, (1, 1))
    with build_lock(tmp_path):
        pass


def test_the_heart_beats_while_work_goes_on(no_locks, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_SECONDS_BETWEEN_BEATS", 0.01)
    with build_lock(tmp_path):
        owner = tmp_path / (LOCK_NAME + OWNER_SUFFIX)
        os.utime(owner, (1, 1))
        for _ in range(500):
            if owner.stat().st_mtime > 1:
                break
            subprocess.run(["sleep", "0.01"], check=True)
        assert owner.stat().st_mtime > 1


@pytest.mark.parametrize(("name", "hold"), [(LOCK_NAME, build_lock), (RUN_LOCK_NAME, run_lock)])
def test_a_link_in_the_place_of_a_lock_is_not_written_through(name, hold, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "folder").mkdir()
    for target in (victim, tmp_path / "not-yet"):
        (tmp_path / "folder" / name).symlink_to(target)
        with pytest.raises(DataError, match="where a lock is expected: remove it"), hold(tmp_path / "folder"):
            pass
        (tmp_path / "folder" / name).unlink()
    assert victim.read_text() == "precious"
    assert not (tmp_path / "not-yet").exists()


def test_a_lock_that_fails_otherwise_is_named(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", fail)
    assert refusal(tmp_path) == f"{tmp_path / LOCK_NAME}: cannot be locked: Input/output error"
