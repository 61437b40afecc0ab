import shutil

import numpy as np

from fat2019.config.features import FeatureConfig
from fat2019.store.building.builder import build_features
from fat2019.store.copies import copy_of, describe_copies
from fat2019.store.reader import FeatureStore
from tests.faults.sounds import data_set, write_sounds


def stored(root, out):
    build_features(data_set(root, ("curated", "noisy", "test")), out, FeatureConfig(), workers=1)
    return FeatureStore.open(out)


def test_copies_are_found_within_a_split_and_across(tmp_path):
    root = write_sounds(tmp_path / "data", curated=4, noisy=2, test=1)
    shutil.copy(root / "train_curated/c001.wav", root / "train_curated/twin.wav")
    shutil.copy(root / "train_curated/c002.wav", root / "test/other.wav")
    store = stored(root, tmp_path / "store")
    copies, fnames = copy_of(store), store.clips["fname"].to_numpy()
    pairs = {(fnames[clip], fnames[first]) for clip, first in enumerate(copies) if first != clip}
    assert {frozenset(pair) for pair in pairs} == {
        frozenset({"twin.wav", "c001.wav"}),
        frozenset({"other.wav", "c002.wav"}),
    }
    line = describe_copies(store, copies)
    assert line is not None and line.startswith("2 clips are copies of others (")
    assert "curated: 1" in line and "curated and test: 1" in line


def test_a_store_without_copies_says_nothing_and_reads_no_audio(tmp_path, monkeypatch):
    store = stored(write_sounds(tmp_path / "data"), tmp_path / "store")
    monkeypatch.setattr(FeatureStore, "audio", lambda *_: 1 / 0)
    copies = copy_of(store)
    np.testing.assert_array_equal(copies, np.arange(16))
    assert describe_copies(store, copies) is None
