"""What is in a folder before it is built in: nothing, a store, an interrupted build, or both."""

import dataclasses

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError, OtherVersion
from fat2019.store.building.found import Found, find_store, of_this_version
from fat2019.store.building.journal import start_journal
from fat2019.store.manifest import MANIFEST_NAME, Header, read_manifest, to_bytes
from tests.builds import build
from tests.faults.sounds import VOCABULARY, write_sounds

WANTED = Header(FeatureConfig(), VOCABULARY, ("hdf5",), {"curated": 1})


@pytest.fixture
def out(tmp_path):
    build(write_sounds(tmp_path / "sounds", curated=4, noisy=2), tmp_path / "store", splits=("curated", "noisy"))
    return tmp_path / "store"


def test_of_an_empty_folder_what_is_wanted_is_all_there_is(tmp_path):
    assert find_store(tmp_path, WANTED, repair=False) == (Found(WANTED), False)


def test_an_interrupted_build_has_the_shards_of_its_journal_none_of_them_published(out):
    manifest = read_manifest(out)
    (out / MANIFEST_NAME).unlink()
    start_journal(out, manifest.header, manifest.shards[:1])
    assert find_store(out, WANTED, repair=False) == (Found(manifest.header, (), manifest.shards[:1]), False)


def test_beside_a_store_an_interrupted_update_counts_if_it_is_one_of_that_store(out):
    manifest = read_manifest(out)
    start_journal(out, manifest.header, manifest.shards[:1])
    assert find_store(out, WANTED, repair=False)[0] == Found(manifest.header, manifest.shards, manifest.shards[:1])
    start_journal(out, dataclasses.replace(manifest.header, formats=("tfrecord",)), ())
    assert find_store(out, WANTED, repair=False)[0] == Found(manifest.header, manifest.shards)
    (out / "build.journal").write_bytes(b"\xff" * 9)
    assert find_store(out, WANTED, repair=False)[0] == Found(manifest.header, manifest.shards)


def test_only_a_repair_begins_anew_where_the_manifest_is_damaged(out):
    path = out / MANIFEST_NAME
    text = path.read_text()
    path.write_text(text.replace("curated", "Curated", 1))
    with pytest.raises(DataError):
        find_store(out, WANTED, repair=False)
    assert find_store(out, WANTED, repair=True) == (Found(WANTED), True)


def test_a_store_of_a_later_version_is_none_to_begin_anew(out):
    manifest = read_manifest(out)
    text = to_bytes(dataclasses.replace(manifest, header=dataclasses.replace(manifest.header, format_version=3)))
    (out / MANIFEST_NAME).write_bytes(text)
    for repair in (False, True):
        with pytest.raises(OtherVersion, match="format version 3"):
            find_store(out, WANTED, repair=repair)


def test_an_old_store_becomes_one_of_this_version_of_which_no_shard_is_there_yet(out):
    manifest = read_manifest(out)
    old = Found(dataclasses.replace(manifest.header, format_version=1), manifest.shards)
    sources = {"curated": [], "noisy": []}
    assert of_this_version(out, old, sources) == Found(manifest.header, manifest.shards)
    start_journal(out, manifest.header, manifest.shards[:1])
    assert of_this_version(out, old, sources).unpublished == manifest.shards[:1]
    with pytest.raises(DataError, match="the data set given has no noisy clips: build with the whole data set"):
        of_this_version(out, old, {"curated": []})
