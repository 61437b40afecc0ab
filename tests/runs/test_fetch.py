"""Stores and runs are copied from elsewhere whole, checked, or not at all."""

import shutil

import fsspec
import pytest

from fat2019.errors import DataError
from fat2019.runs import fetch as module
from fat2019.runs.fetch import fetch
from fat2019.runs.run import Run
from fat2019.runs.verify import verify_run
from fat2019.store.reader import FeatureStore
from tests.run_folders import make_run


@pytest.fixture
def elsewhere():
    """An object store in memory; ``put(folder, name)`` uploads."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()

    def put(folder, name):
        for path in folder.iterdir():
            if path.is_file():
                memory.pipe(f"/{name}/{path.name}", path.read_bytes())
        return f"memory://{name}"

    yield put
    memory.store.clear()


def refusal(*arguments):
    with pytest.raises(DataError) as caught:
        fetch(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_store_comes_with_its_shards_and_nothing_else(store, elsewhere, tmp_path):
    url, shown = elsewhere(store.path, "mine"), []
    fsspec.filesystem("memory").pipe("/mine/notes.txt", b"private")
    fetched = fetch(url, tmp_path / "mine", lambda *numbers: shown.append(numbers))
    opened = FeatureStore.open(tmp_path / "mine")
    assert opened.manifest == store.manifest
    assert shown[-1] == (fetched.files, fetched.files) and fetched.kind == "store"
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"manifest.json"} | {
        file.name for shard in store.manifest.shards for file in shard.files
    }
    assert not (tmp_path / "mine.part").exists()


def test_a_run_comes_with_what_its_checksums_name_also_from_a_plain_folder(store, elsewhere, tmp_path):
    run = make_run(tmp_path / "run", store, stated=True)
    for number, url in enumerate((elsewhere(run.path, "runs/best"), str(run.path))):
        fetched = fetch(url, tmp_path / f"here{number}")
        assert fetched.kind == "run"
        assert Run.open(tmp_path / f"here{number}").metrics == run.metrics


def test_a_copy_that_was_interrupted_goes_on_and_copies_nothing_twice(store, elsewhere, tmp_path, monkeypatch):
    url, copied = elsewhere(store.path, "mine"), []
    copy = module._Elsewhere.copy

    def counted(self, name, *arguments):
        if len(copied) == 3:
            copied.clear()
            raise KeyboardInterrupt
        copied.append(name)
        copy(self, name, *arguments)

    monkeypatch.setattr(module._Elsewhere, "copy", counted)
    with pytest.raises(KeyboardInterrupt):
        fetch(url, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    monkeypatch.setattr(module._Elsewhere, "copy", lambda *arguments: copied.append(arguments[1]) or copy(*arguments))
    files = fetch(url, tmp_path / "mine").files
    assert len(copied) == 1 + files - 2  # the manifest again, and the shards that were missing


def test_what_a_copy_of_something_else_left_is_no_part_of_this_one(store, elsewhere, tmp_path):
    run = make_run(tmp_path / "run", store, stated=True)
    name = store.manifest.shards[0].files[0].name
    (tmp_path / "here.part").mkdir()
    (tmp_path / "here.part" / name).write_bytes((store.path / name).read_bytes())
    fetch(elsewhere(run.path, "best"), tmp_path / "here")
    assert not (tmp_path / "here" / name).exists()
    assert verify_run(tmp_path / "here", deep=True) == []


def test_a_changed_file_is_refused_and_nothing_is_opened(store, elsewhere, tmp_path):
    url = elsewhere(store.path, "mine")
    name = store.manifest.shards[0].files[0].name
    data = bytearray(fsspec.filesystem("memory").cat(f"/mine/{name}"))
    data[-1] ^= 1
    fsspec.filesystem("memory").pipe(f"/mine/{name}", bytes(data))
    assert refusal(url, tmp_path / "mine") == f"{url}: {name} is not the file that was stored: its SHA-256 differs"
    assert not (tmp_path / "mine").exists()


def test_a_run_of_a_version_that_stated_nothing_of_its_files_cannot_be_checked_and_is_not_copied(store, tmp_path):
    run = make_run(tmp_path / "run", store)
    assert "checksums.json" in refusal(str(run.path), tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_what_is_missing_unknown_or_in_the_way_is_told(store, elsewhere, tmp_path):
    url = elsewhere(store.path, "mine")
    assert "neither a store nor a run" in refusal("memory://nothing", tmp_path / "x")
    assert "not an address that fsspec knows" in refusal("nowhere://x", tmp_path / "x")
    assert "already exists" in refusal(url, tmp_path)
    fsspec.filesystem("memory").rm(f"/mine/{store.manifest.shards[0].files[0].name}")
    assert "cannot be read" in refusal(url, tmp_path / "mine")
    assert not list(tmp_path.glob("x*"))  # neither a folder nor the part of one


def test_names_that_lead_elsewhere_are_no_files_of_a_run(store, tmp_path):
    from fat2019.runs.checksums import with_digest
    from fat2019.utils.files import read_json, write_json

    run = shutil.copytree(make_run(tmp_path / "run", store, stated=True).path, tmp_path / "hostile")
    stated = read_json(run / "checksums.json")
    stated.pop("sha256")
    stated["files"]["../../escaped"] = "0" * 64
    write_json(run / "checksums.json", with_digest(stated))
    assert "expected the names of files, received '../../escaped'" in refusal(str(run), tmp_path / "here" / "run")
    assert not (tmp_path / "escaped").exists()
