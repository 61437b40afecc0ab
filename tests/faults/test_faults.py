"""Real faults on real builds: killed processes, full disks, two builders, readers in between."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.store import reader
from fat2019.store.building.builder import build_features
from fat2019.store.building.journal import JOURNAL_NAME
from fat2019.store.manifest import MANIFEST_NAME, read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from fat2019.utils.lock import LOCK_NAME, build_lock
from tests.faults.sounds import A_SHARD, contents, data_set, write_sound, write_sounds

ROOT = Path(__file__).parents[2]
BOTH = ("hdf5", "tfrecord")
DONE = (0, "")
KILLED = (-signal.SIGKILL, "")


class Builder:
    """Builds in a process of its own; see tests/faults/builder.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.builder"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._answer() == "ready"
        self._is_building = False

    def start(self, data: Path, out: Path, **options: object) -> int:
        """The pid of a process that has begun to build."""
        if self._is_building:  # left behind by a test that failed, which must not fail the next one too
            self.wait()
        self._is_building = True
        print(json.dumps({"data": str(data), "out": str(out), **options}), file=self._process.stdin, flush=True)
        return int(self._answer())

    def wait(self) -> tuple[int, str]:
        """The exit status of that process, negative if a signal ended it, and its message."""
        status, message = json.loads(self._answer())
        self._is_building = False
        return status, message

    def run(self, data: Path, out: Path, **options: object) -> tuple[int, str]:
        self.start(data, out, **options)
        return self.wait()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def builder():
    builder = Builder()
    yield builder
    builder.close()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def changed_sounds(sounds, tmp_path_factory):
    """The same but for a clip that changed, one that is gone and a new one."""
    root = tmp_path_factory.mktemp("changed") / "sounds"
    shutil.copytree(sounds, root)  # with the files' times
    write_sound(root / "train_curated" / "c003.wav", seed=99)
    (root / "train_noisy" / "n002.wav").unlink()
    write_sound(root / "train_noisy" / "n900.wav", seed=98)
    return root


@pytest.fixture(scope="module")
def whole(sounds, tmp_path_factory):
    return build(sounds, tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture(scope="module")
def changed_whole(changed_sounds, tmp_path_factory):
    return build(changed_sounds, tmp_path_factory.mktemp("changed_whole") / "store")


def build(data: Path, out: Path) -> Path:
    build_features(data_set(data), out, FeatureConfig(), formats=BOTH, workers=1, clips_a_shard=A_SHARD)
    return out


def kill_at_random_moments(builder, data, out, before, expected, kills, seed):
    """Kill builds until ``kills`` of them died in their work; after each, resume and compare. How many died so."""
    began = time.monotonic()
    prepare(out, before)
    assert builder.run(data, out) == DONE
    longest = time.monotonic() - began
    random_moment, killed = random.Random(seed), 0
    for _ in range(5 * kills):
        prepare(out, before)
        began, moment = time.monotonic(), random_moment.uniform(0, longest)
        pid = builder.start(data, out)
        while (waited := time.monotonic() - began) < moment and is_alive(str(pid)):
            time.sleep(0.001)
        if waited < moment:  # it has ended: the first one took longer, perhaps on a busier machine
            longest = waited
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        killed += builder.wait() == KILLED
        assert builder.run(data, out) == DONE
        assert contents(out) == expected
        if killed == kills:
            break
    return killed


def prepare(out: Path, before: Path | None) -> None:
    shutil.rmtree(out, ignore_errors=True)
    if before:
        shutil.copytree(before, out)


def test_a_new_store_survives_being_killed_at_any_moment(builder, sounds, whole, tmp_path):
    died = kill_at_random_moments(builder, sounds, tmp_path / "s", None, contents(whole), kills=13, seed=1)
    assert died == 13


def test_a_store_that_is_being_updated_survives_being_killed_at_any_moment(
    builder, changed_sounds, whole, changed_whole, tmp_path
):
    updated = contents(changed_whole)
    assert kill_at_random_moments(builder, changed_sounds, tmp_path / "s", whole, updated, kills=8, seed=2) == 8


def test_workers_end_with_a_builder_that_is_killed_and_another_one_goes_on(builder, sounds, whole, tmp_path):
    out = tmp_path / "s"
    pid = builder.start(sounds, out, workers=2)
    wait_for(lambda: len(journal_lines(out)) >= 2)
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(workers) >= 2
    os.kill(pid, signal.SIGKILL)
    assert builder.wait() == KILLED
    wait_for(lambda: not any(is_alive(worker) for worker in workers))
    assert builder.run(sounds, out) == DONE
    assert contents(out) == contents(whole)


def test_a_killed_build_repeats_nothing_that_was_finished(builder, sounds, whole, tmp_path):
    out = tmp_path / "s"
    pid = builder.start(sounds, out)
    wait_for(lambda: len(journal_lines(out)) >= 4)  # its header and three shards
    os.kill(pid, signal.SIGKILL)
    assert builder.wait() == KILLED
    done = len(journal_lines(out)) - 1
    summary = build_features(data_set(sounds), out, FeatureConfig(), formats=BOTH, workers=1, clips_a_shard=A_SHARD)
    assert summary.shards_reused == done
    assert contents(out) == contents(whole)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.001)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def journal_lines(out: Path) -> list[bytes]:
    journal = out / "build.journal"
    return [line for line in journal.read_bytes().splitlines(True) if line[-1:] == b"\n"] if journal.exists() else []


@pytest.mark.parametrize("largest_file", [50, 3_000, 60_000])
@pytest.mark.parametrize("formats", [["hdf5"], ["tfrecord"]])
def test_a_full_disk_is_named_and_the_same_command_goes_on(builder, sounds, tmp_path, largest_file, formats):
    status, message = builder.run(sounds, tmp_path / "s", formats=formats, largest_file=largest_file)
    assert status == 2
    assert "no room for the store" in message
    assert str(tmp_path / "s") in message
    assert not list(tmp_path.glob("s/.tmp-*"))
    assert builder.run(sounds, tmp_path / "s", formats=formats) == DONE
    assert verify(tmp_path / "s", deep=True) == []


def test_a_small_file_system_that_runs_full_is_survived(builder, sounds, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a file system is not allowed here")
    try:
        status, message = builder.run(sounds, disk / "s")
        assert status == 2
        assert "no room for the store" in message
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        assert builder.run(sounds, disk / "s") == DONE
        assert contents(disk / "s") == contents(whole)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_readers_keep_the_store_that_is_there_until_the_new_one_takes_its_place(
    builder, sounds, changed_sounds, whole, tmp_path
):
    out = tmp_path / "s"
    shutil.copytree(whole, out)
    opened_before = FeatureStore.open(out)
    before = opened_before.read_log_mels()
    pid = builder.start(changed_sounds, out)
    looks = 0
    while is_alive(str(pid)):
        store = FeatureStore.open(out)  # there is one all the time
        try:
            store.read_log_mels()
            looks += 1
        except DataError as error:
            assert "changed while it was open" in str(error)
    assert builder.wait() == DONE
    assert looks
    assert not np.array_equal(FeatureStore.open(out).read_log_mels().decibel_range, before.decibel_range)
    with pytest.raises(DataError, match="changed while it was open"):
        opened_before.read_log_mels()


def test_a_store_that_is_replaced_while_it_is_opened_is_opened_anew(whole, changed_whole, tmp_path, monkeypatch):
    out = tmp_path / "s"
    shutil.copytree(whole, out)

    def read_and_replace(folder):
        manifest = read_manifest(folder)
        if manifest == whole_manifest:
            prepare(out, changed_whole)
        return manifest

    whole_manifest = read_manifest(whole)
    monkeypatch.setattr("fat2019.store.reader.read_manifest", read_and_replace)
    assert FeatureStore.open(out).manifest == read_manifest(changed_whole) != whole_manifest


def test_a_store_that_is_replaced_just_after_it_was_read_counts_as_changed_and_not_as_damaged(
    whole, changed_whole, tmp_path, monkeypatch
):
    out = tmp_path / "s"
    shutil.copytree(whole, out)
    read = reader._read_manifest_and_lengths

    def read_and_replace(folder):
        manifest = read(folder)
        prepare(out, changed_whole)
        return manifest

    monkeypatch.setattr(reader, "_read_manifest_and_lengths", read_and_replace)
    with pytest.raises(DataError, match="changed while it was open"):
        FeatureStore.open(out).read_log_mels()


def test_a_store_that_is_finished_between_two_looks_is_opened(whole, tmp_path, monkeypatch):
    out = tmp_path / "s"
    out.mkdir()
    exists = Path.exists

    def finish_and_look(path):
        if path.name == JOURNAL_NAME:
            prepare(out, whole)
        return exists(path)

    monkeypatch.setattr(Path, "exists", finish_and_look)
    assert FeatureStore.open(out).manifest == read_manifest(whole)


def test_a_second_builder_is_refused_and_told_who_is_first(builder, sounds, tmp_path):
    out = tmp_path / "s"
    out.mkdir()
    with build_lock(out):
        status, message = builder.run(sounds, out)
        assert status == 2
        assert f"process {os.getpid()} on " in message
        assert "since" in message
        assert not (out / MANIFEST_NAME).exists()
    assert builder.run(sounds, out) == DONE


def test_the_lock_of_a_dead_builder_holds_nobody_back(builder, sounds, whole, tmp_path):
    out = tmp_path / "s"
    pid = builder.start(sounds, out)
    wait_for(lambda: len(journal_lines(out)) >= 2)
    os.kill(pid, signal.SIGKILL)
    assert builder.wait() == KILLED
    assert (out / LOCK_NAME).exists()
    assert builder.run(sounds, out) == DONE
    assert contents(out) == contents(whole)
