"""Stores that version 0.1.0 wrote open, are verified and are repaired to the same bytes."""

import shutil
from pathlib import Path

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.store.builder import build_features
from fat2019.store.manifest import read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.faults.sounds import contents
from tests.old_clips import CLASSES, COUNTS, write_clips

ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "v0.1.0"
FORMATS = ("hdf5", "tfrecord")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clips of the artefacts."""
    root = write_clips(tmp_path_factory.mktemp("clips"))
    return find_data_set(root)


def build(clips, out, form, **options):
    return build_features(clips, out, FeatureConfig(), formats=(form,), workers=1, clips_a_shard=8, **options)


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
    summary = build(clips, store, form, repair=True)
    assert summary.shards_built == 3
    assert contents(store) == good
