"""Damage of every kind is found, and named."""

import errno
import hashlib
import io
import json
import os
import shutil

import msgspec
import numpy as np
import pytest

from fat2019.audio.clip import arrays_of
from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.building.journal import JOURNAL_NAME
from fat2019.store.building.planner import shard_counts
from fat2019.store.building.sources import list_sources
from fat2019.store.formats import storage_format
from fat2019.store.formats.hdf5 import HDF5_SUFFIX, Hdf5Shard
from fat2019.store.formats.tfrecord import AUDIO_SUFFIX, LOG_MEL_SUFFIX
from fat2019.store.manifest import MANIFEST_NAME, Manifest, dumps, read_manifest, shard_to_json, to_bytes
from fat2019.store.reader import FeatureStore
from fat2019.store.schema import READ_VERSIONS
from fat2019.store.shards import REPAIR, content_key
from fat2019.store.verify import verify
from tests.builds import begin_old_store, file_of
from tests.faults.sounds import A_SHARD, VOCABULARY, data_set, write_sounds

BOTH = ("hdf5", "tfrecord")
SUFFIXES = (HDF5_SUFFIX, AUDIO_SUFFIX, LOG_MEL_SUFFIX)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds"), curated=4, noisy=2)


@pytest.fixture(scope="module", params=READ_VERSIONS)
def good(request, sounds, tmp_path_factory):
    """A store of every version."""
    out = tmp_path_factory.mktemp("good") / "store"
    if request.param == 1:
        begin_old_store(out, VOCABULARY, shard_counts(list_sources(data_set(sounds)), A_SHARD), BOTH)
    build_features(data_set(sounds), out, FeatureConfig(), formats=BOTH, workers=1, clips_a_shard=A_SHARD)
    return out


@pytest.fixture
def store(good, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(good, tmp_path / "store")


def a_shard(store):
    """A shard of several clips."""
    return next(shard for shard in read_manifest(store).shards if len(shard.clips.fname) > 1)


def flip(path, position, bit=1):
    data = bytearray(path.read_bytes())
    data[position] ^= bit
    path.write_bytes(data)


def test_a_sound_store_has_no_problems(store):
    assert verify(store) == []
    assert verify(store, deep=True) == []


def test_a_sound_store_of_unscaled_log_mels_has_no_problems(open_store):
    assert verify(open_store("float16", "yamnet").path, deep=True) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_byte_flipped_anywhere_in_a_shard_is_found(store, suffix):
    shard = a_shard(store)
    path = file_of(store, shard, suffix)
    good = path.read_bytes()
    for position in np.linspace(0, len(good) - 1, 80).astype(int):
        flip(path, position, 1 << position % 8)
        problems = verify(store)
        assert [problem.shard for problem in problems] == [shard.name]
        assert str(path) in problems[0].message
        path.write_bytes(good)


def test_a_byte_flipped_anywhere_in_the_manifest_is_found(store):
    path = store / MANIFEST_NAME
    good = path.read_bytes()
    for position in np.linspace(0, len(good) - 1, 300).astype(int):
        flip(path, position, 1 << position % 8)
        assert len(verify(store)) == 1
        path.write_bytes(good)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_shard_truncated_to_any_length_is_found_whether_looked_at_deeply_or_not(store, suffix):
    shard = a_shard(store)
    path = file_of(store, shard, suffix)
    good = path.read_bytes()
    for length in np.linspace(0, len(good) - 1, 12).astype(int):
        path.write_bytes(good[:length])
        for deep in (False, True):
            assert {problem.shard for problem in verify(store, deep=deep)} == {shard.name}


def test_a_shard_that_grew_is_found(store):
    path = file_of(store, a_shard(store), HDF5_SUFFIX)
    path.write_bytes(path.read_bytes() + b"\0")
    assert "bytes instead of" in verify(store)[0].message


def test_missing_files_folders_and_links_in_place_of_shards_are_found(store):
    shard = a_shard(store)
    paths = [file_of(store, shard, suffix) for suffix in SUFFIXES]
    paths[0].unlink()
    paths[1].unlink()
    paths[1].mkdir()
    paths[2].rename(store.parent / "moved")
    paths[2].symlink_to(store.parent / "moved")
    for deep in (False, True):
        problems = verify(store, deep=deep)
        assert {problem.shard for problem in problems} == {shard.name}
        assert all(any(str(path) in problem.message for problem in problems) for path in paths)


def test_files_that_are_not_of_the_store_are_named(store):
    (store / "noisy-00099-of-00128.h5").touch()
    (store / ".tmp-being-written").touch()
    assert [problem.message.split(":")[0] for problem in verify(store)] == [str(store / "noisy-00099-of-00128.h5")]


@pytest.mark.parametrize("array", ["audio", "log_mel", "energy", "decibel_range", "labels", "source_samples"])
def test_the_deep_check_names_the_clip_that_is_damaged(store, array):
    shard = a_shard(store)
    manifest = read_manifest(store)
    with Hdf5Shard(store, shard.shape(manifest.header), [array]) as opened:
        place, (dimensions, dtype) = opened._places[array], opened._datasets[array]
    path = file_of(store, shard, HDF5_SUFFIX)
    flip(path, place + dtype.itemsize * int(np.prod(dimensions)) - 1, 0x40)  # the last value is the last clip's
    named = {problem.clip for problem in verify(store, deep=True)} - {None}
    assert named == {shard.clips.fname[-1]}


def test_the_deep_check_names_the_clip_of_a_record_that_cannot_be_read(store):
    shard = a_shard(store)
    path = file_of(store, shard, AUDIO_SUFFIX)
    flip(path, path.stat().st_size - 100)
    assert {problem.clip for problem in verify(store, deep=True)} == {None, shard.clips.fname[-1]}


def reseal(store, shard, **columns):
    """Change columns of a shard in the manifest as one would who also knows how to make its hash hold."""
    manifest = read_manifest(store)
    clips = msgspec.structs.replace(shard.clips, **columns)
    changed = type(shard)(**{**vars(shard), "clips": clips})
    shards = tuple(changed if each.name == shard.name else each for each in manifest.shards)
    (store / MANIFEST_NAME).write_bytes(to_bytes(Manifest(manifest.header, shards)))


UNREADABLE = f"cannot be read: Input/output error: {REPAIR}"


def fail(*_):
    raise OSError(errno.EIO, "Input/output error")  # without a file's name, as it comes out of a read


def test_files_that_the_disk_cannot_read_are_listed_by_name(store, monkeypatch):
    monkeypatch.setattr(hashlib, "file_digest", fail)
    files = [store / file.name for shard in read_manifest(store).shards for file in shard.files]
    assert [problem.message for problem in verify(store)] == [f"{path}: {UNREADABLE}" for path in files]


def test_arrays_that_the_disk_cannot_read_are_listed_by_the_files_name(store, monkeypatch):
    monkeypatch.setattr(os, "preadv", fail)
    shards = [shard for shard in read_manifest(store).shards if shard.clips.fname]
    expected = [f"{file_of(store, shard, HDF5_SUFFIX)}: {UNREADABLE}" for shard in shards]
    assert [problem.message for problem in verify(store, deep=True)] == expected


def test_a_manifest_that_the_disk_cannot_read_is_one_problem(store, monkeypatch):
    # Reading a process's memory from address 0 fails as a broken disk does.
    monkeypatch.setattr("fat2019.store.manifest.open_regular", lambda path: io.FileIO("/proc/self/mem"))
    assert [problem.message for problem in verify(store)] == [f"{store / MANIFEST_NAME}: {UNREADABLE}"]


def test_labels_changed_in_the_manifest_alone_are_found_by_the_deep_check(store):
    shard = a_shard(store)
    reseal(store, shard, labels=((0, 1, 2), *shard.clips.labels[1:]))
    assert verify(store) == []
    assert {problem.clip for problem in verify(store, deep=True)} == {shard.clips.fname[0]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda log_mel, decibel_range, energy: (np.roll(log_mel, 1, axis=1), decibel_range, energy), "log-mel is not"),
        (lambda log_mel, decibel_range, energy: (log_mel, decibel_range + 1, energy), "decibel range is not"),
        (lambda log_mel, decibel_range, energy: (log_mel, decibel_range, energy * 2), "energy is not"),
        (lambda log_mel, decibel_range, energy: (log_mel, decibel_range, energy + 1), "does not rise from 0"),
        (lambda log_mel, decibel_range, energy: (log_mel, decibel_range * np.nan, energy), "not finite"),
    ],
    ids=["log-mel", "range", "energy", "start", "nan"],
)
def test_arrays_that_do_not_follow_from_the_audio_are_found_though_every_hash_holds(
    wrong, words, sounds, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "fat2019.store.building.worker.arrays_of", lambda audio, config: wrong(*arrays_of(audio, config))
    )
    build_features(data_set(sounds), tmp_path / "wrong", FeatureConfig(), workers=1)
    monkeypatch.undo()
    assert verify(tmp_path / "wrong") == []
    problems = verify(tmp_path / "wrong", deep=True)
    assert len(problems) == len(FeatureStore.open(tmp_path / "wrong").clips)
    assert all(words in problem.message for problem in problems)


def test_the_key_is_what_the_documentation_says(store):
    shard, header = a_shard(store), read_manifest(store).header
    clips = list(storage_format("hdf5").clips(store, shard.shape(header)))
    assert content_key(shard.name, header.config, header.vocabulary, clips) == shard.key


@pytest.mark.parametrize("text", [b"", b"{}", b"\0" * 1000, b"[" * 100_000])
def test_a_ruined_manifest_is_one_problem(store, text):
    (store / MANIFEST_NAME).write_bytes(text)
    assert len(verify(store, deep=True)) == 1


def test_a_folder_without_a_store_and_no_folder_are_no_damage(tmp_path):
    with pytest.raises(DataError, match="no feature store: expected manifest"):
        verify(tmp_path)
    with pytest.raises(DataError, match="none: no such folder"):
        verify(tmp_path / "none")


def test_a_store_whose_build_was_interrupted_is_said_to_be_unfinished(store):
    (store / MANIFEST_NAME).rename(store / JOURNAL_NAME)
    [problem] = verify(store)
    assert problem.message == f"{store}: being built, or its build was interrupted: run build-features again"


@pytest.mark.parametrize("finished", [True, False])
def test_a_store_that_is_rebuilt_while_it_is_checked_is_not_taken_for_damaged(store, monkeypatch, finished):
    shard = a_shard(store)

    def read_and_rebuild(folder):
        manifest = read_manifest(folder)
        flip(file_of(store, shard, HDF5_SUFFIX), -1)
        (store / MANIFEST_NAME).unlink()
        if finished:
            (store / MANIFEST_NAME).write_bytes(to_bytes(manifest))
        return manifest

    monkeypatch.setattr("fat2019.store.verify.read_manifest", read_and_rebuild)
    [problem] = verify(store)
    assert (problem.shard, problem.message) == (None, f"{store}: rebuilt while it was checked: verify it again")


def test_the_manifests_text_is_json_by_lines(store):
    lines = (store / MANIFEST_NAME).read_text().splitlines()
    shards = read_manifest(store).shards
    assert [line.rstrip(",") for line in lines[2 : 2 + len(shards)]] == [dumps(shard_to_json(s)) for s in shards]
    assert json.loads("\n".join(lines))["header"]["format_version"] in READ_VERSIONS
