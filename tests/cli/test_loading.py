"""What is checked before TensorFlow is loaded."""

import os
import socket

import pytest

from fat2019.cli.loading import require_file
from fat2019.errors import DataError
from tests.cli.running import failure, run


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "nothing") in failure("build-features", tmp_path / "nothing", "--out", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_no_store_no_run_and_no_recipe_are_told_apart(data, tmp_path):
    assert str(tmp_path / "none") in failure("info", tmp_path / "none")
    assert str(tmp_path / "none") in failure("evaluate", tmp_path / "none")
    run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert "recipe" in failure("train", "--features", tmp_path / "store", "--recipe", "none", "--run", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_run_of_another_vocabulary_is_refused(data, trained, tmp_path):
    store, out = tmp_path / "store", tmp_path / "out"
    run("build-features", data, "--out", store, "--workers", 1)
    commands = (("evaluate", trained), ("predict", trained, "--out", out), ("report", trained, "--out", out))
    for command in (*commands, ("train", "--run", trained, "--config", trained / "config.json")):
        message = failure(*command, "--features", store)
        assert "vocabulary" in message and str(trained) in message
    assert not out.exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "it is a folder; give a file"),
        (os.mkfifo, "a FIFO, where a file is expected"),
        (lambda path: path.symlink_to("/dev/zero"), "a device, where a file is expected"),
        (lambda path: path.symlink_to(path), "a link that leads back to itself, where a file is expected"),
        (lambda path: path.symlink_to(path.with_name("gone")), "no such file"),
    ],
)
def test_what_is_no_plain_file_is_told_by_its_kind(tmp_path, make, said):
    make(tmp_path / "t.csv")
    with pytest.raises(DataError) as caught:
        require_file(tmp_path / "t.csv")
    assert str(caught.value) == f"{tmp_path}/t.csv: {said}"


def test_a_socket_is_no_missing_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("t.csv")
        with pytest.raises(DataError, match="a socket, where a file is expected"):
            require_file(tmp_path / "t.csv")
