"""The same recording at another level, rate or cut is found; other sounds of the same kind are not."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from fat2019.config.features import NAMED
from fat2019.store.building.builder import build_features
from fat2019.store.near_copies import describe_near_copies, near_copies, near_copy_of
from fat2019.store.reader import FeatureStore
from tests.faults.sounds import data_set
from tests.knocks import RATE_HZ, knocks


@pytest.fixture(scope="module", params=["report", "yamnet"])
def store(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("near") / "data"
    clips = {f"c{seed}": knocks(seed) for seed in range(8)}
    clips["quieter"] = 0.25 * clips["c1"] + 1e-5 * np.random.default_rng(99).normal(size=len(clips["c1"]))
    clips["cut"] = clips["c2"][3 * 512 :]  # whole hops; between them frames see another part of a knock
    for part in ("train_curated", "test"):
        (root / part).mkdir(parents=True)
    for name, sound in clips.items():
        soundfile.write(root / "train_curated" / f"{name}.wav", sound, RATE_HZ)
    halved = scipy.signal.resample_poly(clips["c3"], 1, 2)
    soundfile.write(root / "test" / "halved.wav", halved, RATE_HZ // 2)
    build_features(data_set(root, ("curated", "test")), root / "store", NAMED[request.param], workers=1)
    return FeatureStore.open(root / "store")


def indices(store, names):
    fnames = store.clips["fname"].tolist()
    return np.array([fnames.index(f"{name}.wav") for name in names])


def test_near_copies_are_found_and_no_others(store):
    held_out = indices(store, ["quieter", "cut", "c0"])
    trained = indices(store, [f"c{seed}" for seed in range(1, 8)])
    expected = list(zip(indices(store, ["quieter", "cut"]), indices(store, ["c1", "c2"]), strict=True))
    assert near_copies(store, held_out, trained) == expected
    line = describe_near_copies(store, expected)
    assert line is not None and line.startswith("2 clips of validation and test sound like one trained on, such as qui")


def test_clips_are_told_their_near_copies_among_themselves(store):
    everything = np.arange(len(store.clips))
    expected = everything.copy()
    for one, other in (("quieter", "c1"), ("cut", "c2")):
        pair = indices(store, [one, other])
        expected[pair] = pair[::-1]
    np.testing.assert_array_equal(near_copy_of(store, everything), expected)
    alone = indices(store, ["quieter", "c2", "c5"])  # with clips that are not asked about nothing is compared
    np.testing.assert_array_equal(near_copy_of(store, alone), everything)


def test_another_rate_loses_the_upper_bands_and_is_no_certain_copy(store):
    """Half of the spectrum is gone: rather a copy not told than two sounds taken for one."""
    assert near_copies(store, indices(store, ["halved"]), indices(store, ["c3"])) == []


def test_without_clips_there_are_none_and_nothing_is_said(store):
    some = indices(store, ["c1"])
    assert near_copies(store, some, some[:0]) == near_copies(store, some[:0], some) == []
    assert describe_near_copies(store, []) is None
