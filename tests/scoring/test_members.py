"""What the runs of an ensemble must have in common."""

import pytest

from fat2019.errors import DataError
from fat2019.scoring.evaluation import predict_test
from fat2019.scoring.members import require_same_recordings
from fat2019.store.reader import FeatureStore
from tests.run_folders import make_run

TEST = range(32, 40)  # the store's test clips


def test_runs_of_different_classes_are_not_averaged(store, runs, tmp_path):
    other = make_run(tmp_path / "other", store, vocabulary=["A", "B"])
    with pytest.raises(DataError, match=r"other: its vocabulary is not that of"):
        predict_test([runs[0].path, other.path])


def test_clips_of_other_lengths_under_the_same_names_are_not_averaged(store, open_store):
    floats = open_store("float32")
    require_same_recordings(store, floats, ["test00.wav"])
    longer = FeatureStore(floats.path, floats.manifest)
    longer.clips = floats.clips.assign(source_samples=floats.clips["source_samples"] + 1)
    with pytest.raises(DataError, match=r"8 clips are other recordings .* the first test00\.wav"):
        require_same_recordings(store, longer, store.clips["fname"][list(TEST)].tolist())
