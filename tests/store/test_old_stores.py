"""Stores that version 0.1.0 wrote open, are verified and are repaired to the same bytes."""

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
from fat2019.store.builder import build_features
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


def build_as_then(clips, out, form, repair=False):
    """Build with the matrix product that the artefacts were made with, in a process of its own.

    OpenBLAS chooses one by the processor when NumPy is loaded; the sums of another one may differ in their last bit.
    """
    command = "import sys; from pathlib import Path; from tests.store.test_old_stores import *; "
    command += f"build(find_data_set(Path(sys.argv[1])), Path(sys.argv[2]), {form!r}, repair={repair})"
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


@pytest.mark.parametrize("form", FORMATS)
def test_every_shard_of_an_old_store_is_repaired_to_the_bytes_that_it_had(form, clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store")
    good = contents(store)
    for shard in read_manifest(store).shards:
        for file in shard.files:
            (store / file.name).write_bytes(b"damaged")
    build_as_then(clips, store, form, repair=True)
    assert contents(store) == good


def test_an_update_of_an_old_store_keeps_its_version_and_takes_it_away_until_it_is_finished(clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / "store-hdf5", tmp_path / "store")
    fewer = dataclasses.replace(clips, clips=tuple(clip for clip in clips.clips if clip.fname != "noisy3.wav"))

    def look(done, every):
        with pytest.raises(DataError, match="being built"):
            FeatureStore.open(store)

    assert build(fewer, store, "hdf5", progress=look).shards_built == 1
    opened = FeatureStore.open(store)
    assert (opened.manifest.header.format_version, len(opened.clips)) == (1, 17)
    assert {path.name for path in store.iterdir()} == {path.name for path in (ARTEFACTS / "store-hdf5").iterdir()}
    assert verify(store, deep=True) == []


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
