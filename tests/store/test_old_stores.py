"""Stores that version 0.1.0 wrote open and are verified; what is built of the same clips holds the same."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.info import describe
from fat2019.store.manifest import read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.faults.sounds import contents
from tests.old_clips import CLASSES, COUNTS, write_clips

ROOT = Path(__file__).parents[2]
ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "v0.1.0"
FORMATS = ("hdf5", "tfrecord")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clips of the artefacts."""
    root = write_clips(tmp_path_factory.mktemp("clips"))
    return find_data_set(root)


def build(clips, out, form, **options):
    return build_features(clips, out, FeatureConfig(), formats=(form,), workers=1, clips_a_shard=8, **options)


def build_as_then(clips, out, form):
    """Build with the matrix product that the artefacts were made with, in a process of its own.

    OpenBLAS chooses one by the processor when NumPy is loaded; the sums of another one may differ in their last bit.
    """
    command = "import sys; from pathlib import Path; from tests.store.test_old_stores import *; "
    command += f"build(find_data_set(Path(sys.argv[1])), Path(sys.argv[2]), {form!r})"
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Haswell"}
    subprocess.run([sys.executable, "-c", command, clips.root, out], check=True, env=environment, cwd=ROOT)


@pytest.mark.parametrize("form", FORMATS)
def test_an_old_store_is_sound_and_holds_its_clips(form):
    folder = ARTEFACTS / f"store-{form}"
    assert verify(folder, deep=True) == []
    store = FeatureStore.open(folder)
    assert store.clips["split"].value_counts().to_dict() == COUNTS
    assert {*store.vocabulary.names} == {*CLASSES}
    flat = store.read_log_mels()
    assert len(flat.log_mel) == store.clips["frames"].sum()
    assert store.log_mel("curated3.wav").shape == (92, 80)


@pytest.mark.parametrize("form", FORMATS)
def test_an_old_store_is_up_to_date_with_its_clips(form, clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store")
    assert build(clips, store, form).up_to_date
    assert contents(store) == contents(ARTEFACTS / f"store-{form}")


def fewer(clips):
    """The same without one clip, so that its shard changes."""
    return dataclasses.replace(clips, clips=tuple(clip for clip in clips.clips if clip.fname != "noisy3.wav"))


@pytest.mark.parametrize("form", FORMATS)
def test_an_update_of_an_old_store_is_of_this_version_and_readers_keep_the_old_one_until_then(form, clips, tmp_path):
    store, open_stores = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store"), []

    def look(done, every):
        open_stores.append(FeatureStore.open(store))
        np.testing.assert_array_equal(open_stores[-1].log_mel("noisy3.wav"), before)

    before = FeatureStore.open(store).log_mel("noisy3.wav")
    built = build(fewer(clips), store, form, progress=look)
    assert built.shards_built == len(open_stores) > 1  # all of them
    assert {one.manifest.header.format_version for one in open_stores} == {1}
    opened = FeatureStore.open(store)
    assert (opened.manifest.header.format_version, len(opened.clips)) == (2, 17)
    assert not {path.name for path in store.iterdir()} & {
        file.name for shard in open_stores[0].manifest.shards for file in shard.files
    }
    assert verify(store, deep=True) == []
    assert build(fewer(clips), store, form).up_to_date


@pytest.mark.parametrize("form", FORMATS)
def test_a_repair_of_an_old_store_makes_one_of_this_version(form, clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store")
    file = store / read_manifest(store).shards[0].files[0].name
    file.write_bytes(b"damaged")
    assert build(clips, store, form, repair=True).shards_built > 1
    assert read_manifest(store).header.format_version == 2
    assert verify(store, deep=True) == []


def test_an_interrupted_update_of_an_old_store_is_resumed(clips, tmp_path):
    store, done = shutil.copytree(ARTEFACTS / "store-hdf5", tmp_path / "store"), []

    def stop(*numbers):
        done.append(numbers)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(fewer(clips), store, "hdf5", progress=stop)
    assert contents(store).items() >= contents(ARTEFACTS / "store-hdf5").items()
    assert FeatureStore.open(store).manifest.header.format_version == 1
    summary = build(fewer(clips), store, "hdf5")
    assert summary.shards_reused == 2
    assert summary.shards_built == len(read_manifest(store).shards) - 2
    assert verify(store, deep=True) == []


def test_an_update_of_an_old_store_wants_the_clips_of_every_split(clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / "store-hdf5", tmp_path / "store")
    curated = tuple(clip for clip in fewer(clips).clips if clip.split != "test")
    with pytest.raises(DataError, match=r"format 1, which an update rewrites in format 2.* no test clips") as caught:
        build(dataclasses.replace(clips, clips=curated), store, "hdf5")
    assert "\n" not in str(caught.value)
    assert contents(store) == contents(ARTEFACTS / "store-hdf5")


def test_an_old_store_beside_what_a_killed_builder_left_is_only_cleaned(clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / "store-hdf5", tmp_path / "store")
    (store / ".tmp-left").touch()
    assert build(clips, store, "hdf5").shards_built == 0
    assert contents(store) == contents(ARTEFACTS / "store-hdf5")


def test_a_new_tfrecord_store_of_the_same_clips_has_the_same_bytes_under_names_with_keys(clips, tmp_path):
    build_as_then(clips, tmp_path / "new", "tfrecord")
    assert shard_bytes(tmp_path / "new") == shard_bytes(ARTEFACTS / "store-tfrecord")


def test_a_new_hdf5_store_of_the_same_clips_has_the_same_arrays_and_their_checksums(clips, tmp_path):
    build_as_then(clips, tmp_path / "new", "hdf5")
    old, new = read_manifest(ARTEFACTS / "store-hdf5").shards, read_manifest(tmp_path / "new").shards
    for before, after in zip(old, new, strict=True):
        assert after.key == before.key
        with (
            h5py.File(ARTEFACTS / "store-hdf5" / before.files[0].name) as one,
            h5py.File(tmp_path / "new" / after.files[0].name) as other,
        ):
            assert set(other) - set(one) == {"crc32c"}
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])
            assert {name for name in one.attrs if one.attrs[name] != other.attrs[name]} == {"format_version"}


def shard_bytes(store):
    """The bytes of each shard's files, in the order of the store."""
    return [(store / file.name).read_bytes() for shard in read_manifest(store).shards for file in shard.files]


def test_an_old_store_says_that_its_hdf5_reads_are_not_checked():
    for form, says in (("hdf5", True), ("tfrecord", False)):
        _, lines = describe(FeatureStore.open(ARTEFACTS / f"store-{form}"))
        assert any("format 1: what is read of HDF5 files is not checked" in line for line in lines) is says
