"""Building and updating: what is made, what is kept, what is refused. Faults are in test_faults.py."""

import contextlib
import errno
import os
import shutil
import types
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from fat2019.errors import DataError
from fat2019.store.manifest import MANIFEST_NAME, read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.builds import build, file_of, refusal, shard_of, stamps
from tests.faults.sounds import contents, write_sound


@pytest.mark.parametrize("formats", [("hdf5",), ("tfrecord",), ("tfrecord", "hdf5")])
def test_the_same_clips_give_the_same_bytes_whoever_builds(sounds, tmp_path, formats):
    build(sounds, tmp_path / "one", formats=formats)
    with ThreadPoolExecutor(3) as executor:
        build(sounds, tmp_path / "two", formats=formats, executor=executor)
    moved = shutil.copytree(sounds, tmp_path / "elsewhere")
    build(moved, tmp_path / "three", formats=formats)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")


@pytest.mark.slow
def test_two_processes_build_the_same_store_as_one(sounds, tmp_path):
    build(sounds, tmp_path / "one")
    summary = build(sounds, tmp_path / "two", workers=2)
    assert summary.shards_built > 2
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_progress_ends_at_the_number_of_clips(sounds, tmp_path):
    calls = []
    build(sounds, tmp_path / "s", progress=lambda done, every: calls.append((done, every)))
    assert calls == sorted(calls)
    assert calls[-1] == (16, 16)


def test_the_folder_must_be_empty_or_a_store(sounds, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.tex").touch()
    assert "neither empty nor a feature store" in refusal(sounds, tmp_path / "s")
    assert "a file, where" in refusal(sounds, tmp_path / "s" / "thesis.tex")
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["thesis.tex"]


def test_a_name_in_two_splits_is_refused(sounds, tmp_path):
    write_sound(sounds / "train_noisy" / "c001.wav", seed=1)
    assert "c001.wav among the curated clips too" in refusal(sounds, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_unknown_formats_are_refused(sounds, tmp_path):
    assert "formats" in refusal(sounds, tmp_path / "s", formats=("zarr",))


def test_a_store_that_is_up_to_date_is_left_alone(sounds, tmp_path):
    build(sounds, tmp_path / "s")
    before, folder = contents(tmp_path / "s"), (tmp_path / "s").stat().st_mtime_ns
    summary = build(sounds, tmp_path / "s")
    assert summary.up_to_date
    assert (summary.shards_built, summary.clips) == (0, 16)
    assert contents(tmp_path / "s") == before
    assert (tmp_path / "s").stat().st_mtime_ns == folder


def test_a_shard_whose_clips_are_all_gone_has_no_files(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    shard = next(shard for shard in read_manifest(out).shards if shard.split == "curated" and shard.clips.fname)
    for fname in shard.clips.fname:
        (sounds / "train_curated" / fname).unlink()
    summary = build(sounds, out)
    assert summary.shards_removed == 1
    assert not file_of(out, shard, ".h5").exists()
    assert summary.clips == len(FeatureStore.open(out).read_log_mels().decibel_range) == 16 - len(shard.clips.fname)
    assert verify(out) == []


def test_the_largest_shards_are_made_first(sounds, tmp_path):
    sizes = []

    class Observed(ThreadPoolExecutor):
        def submit(self, function, task, /):  # type: ignore[override]
            sizes.append(sum(source.bytes for source in task.sources))
            return super().submit(function, task)

    with Observed(1) as executor:
        build(sounds, tmp_path / "s", executor=executor)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_a_worker_that_dies_is_reported_and_the_same_command_goes_on(sounds, tmp_path):
    class Dying(Executor):
        def submit(self, function, task, /):  # type: ignore[override]
            future = Future()
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
            return future

    assert "a worker died" in refusal(sounds, tmp_path / "s", executor=Dying())
    with pytest.raises(DataError, match="being built, or its build was interrupted: run build-features again"):
        FeatureStore.open(tmp_path / "s")
    assert build(sounds, tmp_path / "s").clips == 16


def test_a_damaged_manifest_is_refused_and_repair_starts_over(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    good = contents(out)
    (out / MANIFEST_NAME).write_bytes(good[MANIFEST_NAME].replace(b"c001", b"c00l"))
    assert "--repair" in refusal(sounds, out)
    summary = build(sounds, out, repair=True)
    assert summary.started_over
    assert contents(out) == good


def test_repair_does_not_throw_away_a_split_that_it_cannot_make(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    (out / MANIFEST_NAME).write_bytes(b"{}")
    before = stamps(out)
    assert "build with the whole data set" in refusal(sounds, out, splits=("curated",), repair=True)
    assert stamps(out) == before
    assert build(sounds, out, repair=True).clips == 16


def test_a_store_of_another_version_is_never_touched(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    text = (out / MANIFEST_NAME).read_bytes().replace(b'"format_version":2', b'"format_version":3')
    (out / MANIFEST_NAME).write_bytes(text)
    before = contents(out)
    for repair in (False, True):
        assert "format version 3" in refusal(sounds, out, repair=repair)
        assert contents(out) == before


def test_a_file_that_goes_while_the_store_is_looked_at_is_no_matter(sounds, tmp_path, monkeypatch):
    out = tmp_path / "s"
    build(sounds, out)
    (out / ".tmp-being-written").touch()
    listed = os.scandir

    @contextlib.contextmanager
    def list_and_remove(folder):
        with listed(folder) as entries:
            entries = list(entries)
        if Path(folder) == out:
            (out / ".tmp-being-written").unlink()
        yield entries

    monkeypatch.setattr(
        "fat2019.store.building.sources.os", types.SimpleNamespace(**vars(os) | {"scandir": list_and_remove})
    )
    assert build(sounds, out).up_to_date


def test_what_a_dead_builder_left_is_removed_and_never_read(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    good = contents(out)
    (out / ".tmp-curated-00000-of-00004-0123.h5").write_bytes(b"half a shard")
    (out / "build.journal").write_bytes(b"00000000 {}\n")
    (out / "build.lock").write_bytes(b'{"pid": 1}')
    FeatureStore.open(out).read_log_mels()
    assert build(sounds, out).up_to_date
    assert contents(out) == good


def test_what_a_dead_builder_left_does_not_fill_the_disk_of_the_next_one(sounds, tmp_path):
    left = tmp_path / "s" / ".tmp-curated-00000-of-00004-0123.h5"
    left.parent.mkdir()
    left.touch()
    build(sounds, tmp_path / "s", progress=lambda done, every: pytest.fail("still there") if left.exists() else None)
    assert not left.exists()


def test_an_interrupted_update_leaves_the_store_that_is_there_and_is_continued(sounds, tmp_path):
    out, made = tmp_path / "s", []
    build(sounds, out)
    before = FeatureStore.open(out)
    fnames = [f"c{number:03d}.wav" for number in range(10)]
    for seed, fname in enumerate(fnames):
        write_sound(sounds / "train_curated" / fname, seed=seed)

    def stop_after_one(done, every):
        made.append(done)
        if len(made) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(sounds, out, progress=stop_after_one)
    for store in (before, FeatureStore.open(out)):
        assert store.manifest == before.manifest
        assert len(store.read_log_mels().log_mel)
    assert verify(out, deep=True) == []
    shards = {shard_of(out, fname).name for fname in fnames}
    assert build(sounds, out).shards_built == len(shards) - 1 > 0
    build(sounds, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    with pytest.raises(DataError, match="changed while it was open"):
        before.read_log_mels()


def test_an_update_says_what_it_needs_of_the_disk(sounds, tmp_path, caplog):
    build(sounds, tmp_path / "s")
    write_sound(sounds / "train_curated" / "c001.wav", seed=5)
    with caplog.at_level("INFO", "fat2019"):
        build(sounds, tmp_path / "s")
    assert "readers keep the old store until the new one is finished, which takes 0." in caplog.text


def test_nothing_in_a_strangers_folder_is_written_through_a_link(sounds, tmp_path):
    out, victim = tmp_path / "s", tmp_path / "victim"
    build(sounds, out)
    victim.write_text("precious")
    for name in ("build.lock", "build.journal", "sources.json", f".tmp-manifest.json-{os.getpid()}"):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(victim)
        write_sound(sounds / "train_curated" / "c001.wav", seed=len(name))
        with contextlib.suppress(DataError):
            build(sounds, out)
        (out / name).unlink(missing_ok=True)
        assert victim.read_text() == "precious"
    build(sounds, out)
    assert verify(out) == []


def test_a_disk_that_fails_to_make_a_file_durable_is_told_in_one_line(sounds, tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        message = refusal(sounds, tmp_path / "s")
    assert str(tmp_path) in message and message.endswith("failed: Input/output error")
    assert build(sounds, tmp_path / "s").clips == 16
