"""Cross-validation over a data set's own folds."""

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.scoring.cross_validation import cross_validation
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from fat2019.training.trainer import train_own_folds
from tests import mock_data_sets as mocks

CONFIG = TrainConfig(
    ModelConfig("compact", weights="none", width=4), (Stage(epochs=1, feed=FeedConfig(batch_windows=16)),)
)


def test_every_fold_is_held_out_once_and_scored_by_accuracy_too(tmp_path):
    build_features(find_data_set(mocks.esc50(tmp_path / "data")), tmp_path / "store", FeatureConfig(), workers=1)
    store = FeatureStore.open(tmp_path / "store")
    runs = train_own_folds(store, CONFIG, tmp_path / "runs")
    folds = store.clips.set_index("fname")["fold"]
    assert [run.path.name for run in runs] == [f"fold-{number}" for number in range(1, 6)]
    for number, run in enumerate(runs, start=1):
        assert set(folds[sorted(run.held_out()[1])]) == {str(number)}
        validation = run.metrics["validation"]
        assert 0 <= validation["accuracy"] <= 1 and validation["groups"] == 2 and validation["clips"] == 4
    result, lines = cross_validation(runs)
    assert set(result["mean"]) == {"lwlrap", "accuracy"} and lines[-1].startswith("| deviation |")


def test_a_store_without_folds_is_refused(store, tmp_path):
    with pytest.raises(DataError, match="at least 2 folds of the data set's own, received 0"):
        train_own_folds(store, CONFIG, tmp_path / "runs")
