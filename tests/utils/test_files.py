"""Files and folders that are there whole or not at all, and JSON objects."""

import errno
import os
from pathlib import Path

import pytest

from fat2019.errors import DataError
from fat2019.utils.files import (
    clear_unfinished,
    open_plain,
    read_json,
    require_place,
    require_utf_8,
    whole,
    write_json,
    write_whole,
)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    write_whole(tmp_path / "a.txt", "before")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "a.txt", 3)
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.txt", {"score": float("nan")})
    assert (tmp_path / "a.txt").read_text() == "before"
    write_whole(tmp_path / "a.txt", b"\r\nbytes as they are")
    assert (tmp_path / "a.txt").read_bytes() == b"\r\nbytes as they are"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_takes_its_name_is_durable_before_and_its_name_is_durable_after(tmp_path, monkeypatch, kind):
    path, synced = tmp_path / "it", []
    where = lambda descriptor: Path(f"/proc/self/fd/{descriptor}").readlink().name  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append((where(descriptor), path.exists())))
    with whole(path) as unfinished:
        file = unfinished / "within" / "a.txt" if kind == "folder" else unfinished
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("content")
    before = {file.name, "within", unfinished.name} if kind == "folder" else {unfinished.name}
    assert {name for name, there in synced if not there} == before
    assert [name for name, there in synced if there] == [tmp_path.name]


def test_a_full_disk_is_told_by_the_files_name_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "network.keras"
    path.write_text("before")
    with pytest.raises(DataError, match=r"network\.keras: cannot be written: No space left"), whole(path) as half:
        half.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")  # without a file's name, as it comes out of a write
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_two_folders_exchange_their_names_so_that_there_is_always_one(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    monkeypatch.setattr(Path, "replace", lambda self, to: fail())
    with whole(tmp_path / "export") as unfinished:
        unfinished.mkdir()
        (unfinished / "new").touch()
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_a_folder_takes_the_place_of_an_older_one_or_leaves_it_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("fat2019.utils.files._exchange", lambda one, other: False)  # as on other file systems

    def write(text):
        with whole(tmp_path / "export") as unfinished:
            unfinished.mkdir()
            (unfinished / text).touch()

    write("first")
    write("second")
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["second"]
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: fail() if (self / "third").exists() else replace(self, to))
    with pytest.raises(DataError, match="cannot be written: No space left"):
        write("third")
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["second"]
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def fail():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # for root every folder can be written to
    with pytest.raises(DataError, match=r"a\.csv: cannot be written: leave to write into .* is missing"):
        require_place(tmp_path / "a.csv")


@pytest.mark.parametrize(("place", "reason"), [(".", "it is a folder"), ("none/a.txt", "there is no folder")])
def test_a_place_that_can_be_no_file_is_told_before_the_work(tmp_path, monkeypatch, place, reason):
    monkeypatch.chdir(tmp_path)
    require_place(Path("a.txt"))
    with pytest.raises(DataError, match=rf"cannot be written: {reason}"):
        require_place(Path(place))
    with pytest.raises(DataError, match="cannot be written"):
        write_whole(Path(place), "text")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"none/a\.txt: cannot be written: No such file"):
        write_whole(tmp_path / "none" / "a.txt", "text")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_kill_left_half_written_is_cleared_away_and_nothing_else(tmp_path, kind):
    (tmp_path / "a.txt").write_text("whole")
    with whole(tmp_path / "b") as unfinished:  # and killed here
        if kind == "folder":
            unfinished.mkdir()
        (unfinished / "half" if kind == "folder" else unfinished).write_text("half")
        clear_unfinished(tmp_path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
        unfinished.touch()


@pytest.mark.parametrize("text", ["[1]", "{", b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("kind", ["FIFO", "link", "device"])
def test_what_is_neither_file_nor_folder_is_neither_replaced_nor_waited_for(tmp_path, kind):
    path = tmp_path / "x.csv"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "target").write_text("{}")
        path.symlink_to("target")
    else:
        path = Path("/dev/null")
    for write in (lambda: write_whole(path, "text"), lambda: require_place(path)):
        with pytest.raises(DataError, match=rf"{path}: cannot be written: a {kind} has that name; give another one$"):
            write()
    if kind == "link":
        assert read_json(path) == {}
    else:
        with pytest.raises(DataError, match=rf"{path}: a {kind}, where a JSON file is expected"):
            read_json(path)


def test_a_link_to_a_file_is_read_and_one_that_leads_back_to_itself_is_refused(tmp_path):
    (tmp_path / "target").write_text("text")
    (tmp_path / "link").symlink_to("target")
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"text"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="a link that leads back to itself, where a file is expected"):
        open_plain(tmp_path / "loop")
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "missing")


def test_a_name_that_is_no_utf_8_is_escaped_in_text(tmp_path):
    write_whole(tmp_path / "page", "caf\udce9 café")
    assert (tmp_path / "page").read_text() == "caf\\udce9 café"


def test_a_place_that_tensorflow_cannot_name_is_refused(tmp_path):
    require_utf_8(tmp_path / "café")
    with pytest.raises(DataError, match="no name that is not UTF-8"):
        require_utf_8(tmp_path / "caf\udce9" / "run")


def test_a_full_disk_is_told_by_its_name_also_where_another_library_met_it(tmp_path):
    place = tmp_path / "a.txt"
    with pytest.raises(DataError, match=r"a\.txt: cannot be written: No space left on device$"), whole(place):
        raise RuntimeError("{{node SaveV2}} .unfinished-1-a.txt; No space left on device [Op:SaveV2]")
    with pytest.raises(RuntimeError, match="something else"), whole(place):
        raise RuntimeError("something else")
    with pytest.raises(DataError, match=r"^b\.txt"), whole(place):
        raise DataError("b.txt: No space left on device")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("content", ["text", b"bytes"])
def test_a_disk_that_fails_at_any_step_leaves_the_file_that_was_there_and_one_line(
    tmp_path, monkeypatch, number, step, content
):
    path = tmp_path / "file"
    path.write_text("before")

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(DataError) as caught:
        write_whole(path, content)
    assert str(caught.value) == f"{path}: cannot be written: {os.strerror(number)}"
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
