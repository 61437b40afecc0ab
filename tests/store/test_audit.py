import dataclasses

import numpy as np
import pytest
import soundfile

from fat2019.config.features import NAMED
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.store.audit import audit
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore


@pytest.fixture(scope="module", params=["report", "yamnet"])
def store(request, tiny_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "store"
    build_features(find_data_set(tiny_data), path, NAMED[request.param], workers=1)
    return FeatureStore.open(path)


def test_clips_made_the_slow_way_are_those_of_the_store(store, tiny_data):
    results = audit(store, find_data_set(tiny_data), 12)
    assert len(results) == 12 and all(result.agrees for result in results)
    assert max(result.audio_apart for result in results) == 0  # at the rate of the features nothing is resampled
    assert sum(result.samples for result in results) > 12 * 5_000


def test_the_choice_of_clips_follows_the_seed_and_ends_with_the_store(store, tiny_data):
    data_set = find_data_set(tiny_data)
    names = [[result.fname for result in audit(store, data_set, 5, seed=seed)] for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]
    assert len(audit(store, data_set, 1_000)) == len(store.clips)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda samples: samples // 2,
        lambda samples: samples[: len(samples) // 2],
        lambda samples: np.roll(samples, 5),
    ],
)
def test_recordings_that_are_not_the_stores_are_found(store, tiny_data, tmp_path, spoil):
    data_set = find_data_set(tiny_data)
    clip = next(clip for clip in data_set.clips if clip.fname == "curated03.wav")
    samples, rate = soundfile.read(clip.path, dtype="int16")
    soundfile.write(tmp_path / clip.fname, spoil(samples), rate, subtype="PCM_16")
    exchanged = dataclasses.replace(clip, path=tmp_path / clip.fname)
    others = tuple(exchanged if one is clip else one for one in data_set.clips)
    results = audit(store, dataclasses.replace(data_set, clips=others), 1_000)
    assert [result.fname for result in results if not result.agrees] == [clip.fname]


def test_labels_that_are_not_the_stores_are_found(store, tiny_data):
    data_set = find_data_set(tiny_data)
    other = dataclasses.replace(data_set.clips[0], labels=("Hiss", "Knock", "Drip"))
    results = audit(store, dataclasses.replace(data_set, clips=(other, *data_set.clips[1:])), 1_000)
    assert [result.fname for result in results if not result.labels_agree] == [other.fname]


def test_a_data_set_without_a_clip_of_the_store_is_refused(store, tiny_data):
    data_set = find_data_set(tiny_data)
    with pytest.raises(DataError, match=r"it has no clip .*: was .* built from other data"):
        audit(store, dataclasses.replace(data_set, clips=data_set.clips[:3]), 1_000)
