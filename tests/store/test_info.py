"""What `info` says of stores that are not like FSDKaggle2019."""

import shutil

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.info import describe, describe_balance
from fat2019.store.reader import FeatureStore
from tests.faults.sounds import data_set, write_sounds


def stored(root, out, splits):
    build_features(data_set(root, splits), out, FeatureConfig(), workers=1)
    return FeatureStore.open(out)


def test_the_balance_of_a_store_with_noisy_clips_alone_is_that_of_the_noisy_clips(tmp_path):
    store = stored(write_sounds(tmp_path / "data", noisy=12), tmp_path / "store", ("noisy",))
    tables, lines = describe_balance(store, 0.3)
    assert lines[0].startswith("share of noisy clips in validation")
    assert sum(row["train"] + row["validation"] for row in tables["plain"]) == store.labels.sum()


def test_a_store_of_test_clips_alone_has_no_balance(tmp_path):
    store = stored(write_sounds(tmp_path / "data"), tmp_path / "store", ("test",))
    with pytest.raises(DataError, match="no clips to train on"):
        describe_balance(store, 0.3)


def test_copies_are_counted(tmp_path):
    root = write_sounds(tmp_path / "data")
    shutil.copy(root / "train_curated/c001.wav", root / "test/twin.wav")
    result, lines = describe(stored(root, tmp_path / "store", ("curated", "test")))
    assert result["copies"] == 1
    assert any(line.startswith("1 clip is a copy of another (curated and test: 1)") for line in lines)
