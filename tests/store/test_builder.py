"""Building and updating: what is made, what is kept, what is refused. Faults are in test_faults.py."""

import contextlib
import dataclasses
import errno
import hashlib
import io
import os
import shutil
import types
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import soundfile

from fat2019.audio.silence import desilence
from fat2019.config.features import NAMED, FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.builder import build_features
from fat2019.store.journal import read_journal
from fat2019.store.manifest import MANIFEST_NAME, read_manifest
from fat2019.store.planner import shard_counts
from fat2019.store.reader import FeatureStore
from fat2019.store.shards import shard_index
from fat2019.store.verify import verify
from tests.builds import build, file_of, rebuilt, refusal, shard_of, stamps
from tests.faults.sounds import A_SHARD, contents, data_set, set_time, write_sound

# A new store.


def test_what_is_stored_is_the_desilenced_sound(sounds, tmp_path):
    sound = np.concatenate([np.full(16_000, 3000), np.zeros(48_000), np.full(16_000, -3000)]).astype(np.int16)
    soundfile.write(sounds / "train_curated" / "c000.wav", sound, 16_000)
    summary = build(sounds, tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")
    expected, _ = desilence(sound, 16_000, FeatureConfig().silence_rule("curated", 5.0))
    assert len(expected) < len(sound)
    np.testing.assert_array_equal(store.audio("c000.wav"), expected)
    assert summary.clips == len(store.clips) == 16
    assert summary.audio_seconds_before > summary.audio_seconds_after > 0
    assert summary.audio_seconds_after == pytest.approx(store.clips["samples"].sum() / 16_000)


def test_a_clip_that_is_silence_by_the_rule_is_kept_whole_and_flagged(sounds, tmp_path):
    murmur = np.random.default_rng(0).integers(-4, 5, 20_000).astype(np.int16)
    soundfile.write(sounds / "train_noisy" / "n000.wav", murmur, 16_000)
    build(sounds, tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")
    np.testing.assert_array_equal(store.audio("n000.wav"), murmur)
    assert list(store.clips[store.clips["kept_whole"]]["fname"]) == ["n000.wav"]


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


def test_shards_hold_about_as_many_clips_as_asked_for_and_fit_in_memory():
    class Fake:
        def __init__(self, size, name="x.wav"):
            self.bytes, self.path = size, Path(name)

    def count(clips, size, **options):
        return shard_counts({"curated": [Fake(size, **options)] * clips}, 128)["curated"]

    assert count(1, 10**6) == 1
    assert count(4970, 700_000) == 32
    assert count(19_815, 10**6) == 256  # 155 clips are more than fit
    assert count(100, 10**7) == 8
    assert count(100, 10**7, name="x.mp3") == 128
    assert count(1, 10**10) == 128


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


# Up to date, and updates.


def test_a_store_that_is_up_to_date_is_left_alone(sounds, tmp_path):
    build(sounds, tmp_path / "s")
    before, folder = contents(tmp_path / "s"), (tmp_path / "s").stat().st_mtime_ns
    summary = build(sounds, tmp_path / "s")
    assert summary.up_to_date
    assert (summary.shards_built, summary.clips) == (0, 16)
    assert contents(tmp_path / "s") == before
    assert (tmp_path / "s").stat().st_mtime_ns == folder


@pytest.mark.parametrize("change", ["content", "time", "removed", "added"])
def test_a_change_rebuilds_its_shard_and_no_other(sounds, tmp_path, change):
    out = tmp_path / "s"
    build(sounds, out, formats=("hdf5", "tfrecord"))
    before = stamps(out)
    path = sounds / "train_curated" / ("c900.wav" if change == "added" else "c004.wav")
    if change == "time":
        set_time(path, 1_800_000_000)
    elif change == "removed":
        path.unlink()
    else:
        write_sound(path, seed=55)
    count = read_manifest(out).header.shard_counts["curated"]
    summary = build(sounds, out, formats=("hdf5", "tfrecord"))
    assert rebuilt(out, before) == {f"curated-{shard_index(path.name, count):05d}-of-{count:05d}"}
    assert summary.shards_built == 1
    build(sounds, tmp_path / "fresh", formats=("hdf5", "tfrecord"))
    if change != "added" and change != "removed":  # the number of shards is that of the first build
        assert contents(out) == contents(tmp_path / "fresh")
    assert verify(out, deep=True) == []
    assert build(sounds, out, formats=("hdf5", "tfrecord")).up_to_date


def test_changed_labels_rebuild_their_shard_and_no_other(sounds, tmp_path):
    out, original = tmp_path / "s", data_set(sounds)
    build_features(original, out, FeatureConfig(), workers=1, clips_a_shard=A_SHARD)
    before = stamps(out)
    clips = tuple(
        dataclasses.replace(clip, labels=("Meow",)) if clip.fname == "c001.wav" else clip for clip in original.clips
    )
    build_features(dataclasses.replace(original, clips=clips), out, FeatureConfig(), workers=1)
    assert rebuilt(out, before) == {shard_of(out, "c001.wav").name}
    assert FeatureStore.open(out).clips.set_index("fname").loc["c001.wav", "labels"] == ("Meow",)


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


def test_a_shard_file_that_the_store_does_not_name_is_removed_though_nothing_is_to_be_made(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    good = contents(out)
    (out / "curated-00000-of-00008.h5").touch()
    summary = build(sounds, out)
    assert (summary.shards_built, summary.shards_removed, summary.up_to_date) == (0, 1, False)
    assert contents(out) == good


def test_splits_that_are_not_given_are_kept(sounds, tmp_path):
    build(sounds, tmp_path / "s", splits=("curated",))
    before = stamps(tmp_path / "s")
    build(sounds, tmp_path / "s", splits=("noisy", "test"))
    assert before.items() <= stamps(tmp_path / "s").items()
    build(sounds, tmp_path / "whole")
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")
    assert build(sounds, tmp_path / "s", splits=("curated",)).up_to_date


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": FeatureConfig(mel_bands=64)}, "mel_bands: 80 against 64"),
        ({"config": FeatureConfig(dtype="float32")}, "dtype: uint8 against float32"),
        ({"formats": ("tfrecord",)}, "formats: hdf5 against tfrecord"),
    ],
)
def test_other_settings_are_refused_and_named(sounds, tmp_path, options, message):
    build(sounds, tmp_path / "s")
    before = contents(tmp_path / "s")
    assert message in refusal(sounds, tmp_path / "s", **options)
    assert contents(tmp_path / "s") == before


def test_another_vocabulary_is_refused_and_named(sounds, tmp_path):
    build(sounds, tmp_path / "s")
    other = dataclasses.replace(data_set(sounds), vocabulary=Vocabulary(("Bark", "Drip", "Gong", "Meow")))
    with pytest.raises(DataError, match="3 classes against 4, 'Gong' against 'Drip'"):
        build_features(other, tmp_path / "s", FeatureConfig(), workers=1)


def test_a_clip_that_changes_while_it_is_built_stops_the_build(sounds, tmp_path):
    clips = data_set(sounds)

    class Meddler(Executor):
        def submit(self, function, task, /):  # type: ignore[override]
            future = Future()
            set_time(task.sources[0].path, 1_900_000_000)
            try:
                future.set_result(function(task))
            except DataError as error:
                future.set_exception(error)
            return future

    with pytest.raises(DataError, match="changed while the store was being built"):
        build_features(clips, tmp_path / "s", FeatureConfig(), executor=Meddler())
    assert build(sounds, tmp_path / "s").clips == 16  # the same command resumes


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


# Repair.


def test_repair_makes_exactly_the_damaged_shards_anew(sounds, tmp_path):
    out = tmp_path / "s"
    build(sounds, out)
    good = contents(out)
    flipped, missing = shard_of(out, "c001.wav"), shard_of(out, "n001.wav")
    path = file_of(out, flipped, ".h5")
    path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    file_of(out, missing, ".h5").unlink()
    before = stamps(out)
    summary = build(sounds, out, repair=True)
    assert rebuilt(out, before) == {flipped.name, missing.name}
    assert summary.shards_built == 2
    assert not summary.started_over
    assert contents(out) == good


def test_repair_makes_a_shard_anew_that_the_disk_cannot_read(sounds, tmp_path, monkeypatch):
    out = tmp_path / "s"
    build(sounds, out)
    good, before = contents(out), stamps(out)
    broken = shard_of(out, "c001.wav")
    inode, digest = file_of(out, broken, ".h5").stat().st_ino, hashlib.file_digest

    def read(file, algorithm):
        if os.fstat(file.fileno()).st_ino == inode:
            raise OSError(errno.EIO, "Input/output error")
        return digest(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", read)
    assert build(sounds, out, repair=True).shards_built == 1
    assert rebuilt(out, before) == {broken.name}
    assert contents(out) == good


def test_repair_of_a_sound_store_does_nothing(sounds, tmp_path):
    build(sounds, tmp_path / "s")
    before = stamps(tmp_path / "s")
    assert build(sounds, tmp_path / "s", repair=True).up_to_date
    assert stamps(tmp_path / "s") == before


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

    monkeypatch.setattr("fat2019.store.sources.os", types.SimpleNamespace(**vars(os) | {"scandir": list_and_remove}))
    assert build(sounds, out).up_to_date


# What a builder that died leaves.


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (b'{"format_version":3}', "a store of format version 3, and this program reads versions 1 and 2"),
        (b"[]", "damaged: the header: expected object, got array"),
    ],
)
def test_a_journal_that_is_not_of_this_program_is_named(sounds, tmp_path, other, words):
    journal = tmp_path / "s" / "build.journal"
    journal.parent.mkdir()
    journal.write_bytes(b"%08x %s\n" % (google_crc32c.value(other), other))
    assert refusal(sounds, tmp_path / "s").startswith(f"{journal}: {words}")


def test_a_journal_that_the_disk_cannot_read_is_named(tmp_path, monkeypatch):
    # Reading a process's memory from address 0 fails as a broken disk does.
    monkeypatch.setattr("fat2019.store.journal.open_regular", lambda path: io.FileIO("/proc/self/mem"))
    (tmp_path / "build.journal").touch()
    with pytest.raises(DataError, match=r"build\.journal: cannot be read: Input/output error"):
        read_journal(tmp_path)


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


@pytest.mark.parametrize(
    "tail", [b"", b"0", b"deadbeef {", b'00000000 {"name":"curated-00000-of-00004"}\n', b"\xff" * 9]
)
def test_a_journal_that_was_cut_short_keeps_its_whole_lines(sounds, tmp_path, tail):
    out, journals = tmp_path / "s", []
    build(sounds, out, progress=lambda done, every: journals.append((out / "build.journal").read_bytes()))
    good, shards = contents(out), len(journals)
    (out / MANIFEST_NAME).unlink()
    (out / "build.journal").write_bytes(journals[1] + tail)  # two shards are noted
    summary = build(sounds, out)
    assert (summary.shards_reused, summary.shards_built) == (2, shards - 2)
    assert contents(out) == good


def test_the_wide_configuration_doubles_the_rate_and_keeps_the_windows_time(sounds, tmp_path):
    build(sounds, tmp_path / "wide", config=NAMED["wide"])
    build(sounds, tmp_path / "plain")
    wide, plain = FeatureStore.open(tmp_path / "wide"), FeatureStore.open(tmp_path / "plain")
    assert (wide.config.window_frames, wide.config.mel_bands) == (92, 128)
    assert wide.config.window_samples / wide.config.sample_rate_hz == 3 == plain.config.window_samples / 16_000
    flat = wide.read_log_mels()
    assert flat.log_mel.shape[1] == 128 and np.diff(flat.frame_offset).min() >= 92
    assert list(wide.clips["fname"]) == list(plain.clips["fname"])
    assert np.all(flat.log_mel.min(axis=0) < flat.log_mel.max(axis=0))  # no band is without a filter


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
    assert "readers keep the store that is there until the new one is finished: 0." in caplog.text


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
