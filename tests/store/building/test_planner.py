"""Which shards of a store can stay, and which are made anew."""

import dataclasses
import errno
import hashlib
import os
from pathlib import Path

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.building.planner import shard_counts
from fat2019.store.manifest import read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.shards import shard_index
from fat2019.store.verify import verify
from tests.builds import build, file_of, rebuilt, refusal, shard_of, stamps
from tests.faults.sounds import A_SHARD, contents, data_set, set_time, write_sound


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
