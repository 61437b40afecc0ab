"""Which clips a run is trained on and which are held out, on stores of data sets that say something about it."""

import dataclasses
import logging
import shutil

import numpy as np
import pytest
import soundfile

from fat2019.config.features import FeatureConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.data.clip import VALIDATION_FOLD, Clip, DataSet
from fat2019.data.split import split_indices
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from fat2019.training.partition import Partition, own_folds
from tests.faults.sounds import write_sound
from tests.knocks import RATE_HZ, knocks

CLIPS = 12
BOTH = TrainConfig(stages=(Stage(splits=("curated", "noisy")),))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return [write_sound(folder / f"{number:02d}.wav", seed=number) for number in range(CLIPS)]


@pytest.fixture
def build_store(sounds, tmp_path):
    """``build_store(change)``: a store of 12 clips of 2 classes, each changed by ``change(number, clip)``."""

    def opened(change, extra=()):
        clips = [
            Clip(path.name, "curated", path, (("Bark", "Meow")[number % 2],), "") for number, path in enumerate(sounds)
        ]
        clips = [change(number, clip) for number, clip in enumerate(clips)] + list(extra)
        clips.sort(key=lambda clip: (clip.split, clip.fname))
        data = DataSet(tmp_path, "table", Vocabulary(("Bark", "Meow")), tuple(clips), (), None)
        build_features(data, tmp_path / "store", FeatureConfig(), workers=1)
        return FeatureStore.open(tmp_path / "store")

    return opened


def names(store, clips):
    return set(store.clips["fname"].to_numpy()[clips])


def with_fold(fold_of):
    return lambda number, clip: dataclasses.replace(clip, fold=fold_of(number))


def test_folds_and_groups_are_kept_in_the_store_and_an_older_build_is_brought_up_to_date(build_store):
    store = build_store(lambda _, clip: clip)
    assert set(store.clips["fold"]) == {""} and b'"fold"' not in (store.path / "manifest.json").read_bytes()
    store = build_store(lambda number, clip: dataclasses.replace(clip, fold=str(number % 3), group="g"))
    by_name = store.clips.set_index("fname")
    assert by_name["fold"]["04.wav"] == "1" and set(by_name["group"]) == {"g"}


def test_a_validation_part_of_the_data_sets_own_is_held_out_by_default(build_store):
    store = build_store(with_fold(lambda number: VALIDATION_FOLD if number in (3, 4) else ""))
    partition = Partition.of(store, TrainConfig())
    assert names(store, partition.validation["curated"]) == {"03.wav", "04.wav"}
    assert len(partition.train["curated"]) == CLIPS - 2


def test_a_fold_is_held_out_by_its_name(build_store):
    store = build_store(with_fold(lambda number: str(1 + number % 3)))
    partition = Partition.of(store, TrainConfig(validate_on_fold="2"))
    assert names(store, partition.validation["curated"]) == {"01.wav", "04.wav", "07.wav", "10.wav"}
    assert len(partition.train["curated"]) == CLIPS - 4
    with pytest.raises(DataError, match=r"own folds \(1, 2, 3\), received '4'"):
        Partition.of(store, TrainConfig(validate_on_fold="4"))


def test_without_folds_of_its_own_there_is_none_to_hold_out(build_store):
    with pytest.raises(DataError, match=r"own folds \(none\), received '1'"):
        Partition.of(build_store(lambda _, clip: clip), TrainConfig(validate_on_fold="1"))
    with pytest.raises(DataError, match="exclude each other"):
        TrainConfig(validate_on_fold="1", folds=3)


@pytest.mark.parametrize("config", [TrainConfig(validation_share=0.4), TrainConfig(folds=3)])
def test_a_group_stays_on_one_side(build_store, config):
    store = build_store(lambda number, clip: dataclasses.replace(clip, group=str(number // 2)))
    groups, partition = store.clips["group"].to_numpy(), Partition.of(store, config)
    train, validation = partition.train["curated"], partition.validation["curated"]
    assert len(train) + len(validation) == CLIPS and not set(groups[train]) & set(groups[validation])


def copied(sounds, number, name, split):
    path = sounds[number].with_name(name)
    shutil.copy(sounds[number], path)
    return Clip(path.name, split, path, ("Bark",), "")


def test_copies_stay_on_one_side(build_store, sounds):
    twins = [copied(sounds, number, f"twin{number:02d}.wav", "curated") for number in range(0, CLIPS, 2)]
    store = build_store(lambda _, clip: clip, twins)
    for seed in range(5):
        partition = Partition.of(store, TrainConfig(seed=seed, validation_share=0.3))
        train, held_out = (names(store, part["curated"]) for part in (partition.train, partition.validation))
        for twin in twins:
            assert (twin.fname in train) == (twin.fname.removeprefix("twin") in train) != (twin.fname in held_out)


def recorded(folder, number, level):
    path = folder / f"knocks{number}-{level}.wav"
    soundfile.write(path, level * knocks(number), RATE_HZ)
    return Clip(path.name, "curated", path, (("Bark", "Meow")[number % 2],), "")


def test_near_copies_stay_on_one_side_where_that_is_asked_for(build_store, tmp_path):
    pairs = [[recorded(tmp_path, number, level) for level in (1.0, 0.5)] for number in range(6)]
    store = build_store(lambda _, clip: clip, [clip for pair in pairs for clip in pair])

    def astride(seed, near):
        partition = Partition.of(store, TrainConfig(seed=seed, validation_share=0.3, near_copies=near))
        train, held_out = (names(store, part["curated"]) for part in (partition.train, partition.validation))
        assert len(train) + len(held_out) == len(store.clips)
        return sum((loud.fname in train) != (quiet.fname in train) for loud, quiet in pairs)

    assert sum(astride(seed, "say") for seed in range(5)) > 0
    assert sum(astride(seed, "together") for seed in range(5)) == 0


def test_noisy_copies_of_clips_held_out_are_not_trained_on(build_store, sounds, caplog):
    twins = [copied(sounds, number, f"noisy{number:02d}.wav", "noisy") for number in range(CLIPS)]
    store = build_store(lambda _, clip: clip, twins)
    with caplog.at_level(logging.WARNING, "fat2019"):
        partition = Partition.of(store, BOTH)
    held_out = names(store, partition.validation["curated"])
    assert names(store, partition.train["noisy"]) == {clip.fname for clip in twins} - {
        f"noisy{name}" for name in held_out
    }
    assert f"not trained on: {len(held_out)} noisy clips, copies of held-out clips or in" in caplog.text


def test_copies_of_clips_of_the_fold_held_out_are_not_trained_on_and_groups_astride_are_said(
    build_store, sounds, caplog
):
    twin = dataclasses.replace(copied(sounds, 0, "twin.wav", "curated"), fold="2")
    store = build_store(
        lambda number, clip: dataclasses.replace(clip, fold=str(1 + number % 2), group="g" if number < 4 else ""),
        [twin],
    )
    with caplog.at_level(logging.WARNING, "fat2019"):
        partition = Partition.of(store, TrainConfig(validate_on_fold="1"))
    assert "twin.wav" not in names(store, partition.train["curated"])
    assert (
        "not trained on: 1 clip, copies of" in caplog.text and "fold 1: 2 clips to train on from groups" in caplog.text
    )


def test_names_of_folds_stand_in_the_order_of_their_numbers():
    assert own_folds(["10", "2", "", "a", "1", "2"]) == ["1", "2", "10", "a"]


def test_partitions_without_folds_groups_and_copies_are_those_of_before(store):
    partition = Partition.of(store, TrainConfig(seed=0))
    curated = np.flatnonzero(store.clips["split"] == "curated")

    train, validation = split_indices(store.labels[curated], validation_share=0.2, seed=0)
    np.testing.assert_array_equal(partition.train["curated"], curated[train])
    np.testing.assert_array_equal(partition.validation["curated"], curated[validation])
