"""Which recipe is trained where none is named, and what it becomes for the clips that there are."""

import contextlib
import dataclasses
import logging

import pytest

from fat2019.config.features import NAMED
from fat2019.config.recipes import BEST, RECIPES
from fat2019.experiments import choice
from fat2019.experiments.choice import choose_recipe, fitted


@pytest.mark.parametrize("features", [None, NAMED["yamnet"], dataclasses.replace(NAMED["yamnet"], dtype="float32")])
def test_a_pretrained_network_is_chosen_where_its_weights_and_features_are_there(features, monkeypatch):
    monkeypatch.setattr(choice, "has_yamnet_weights", lambda: True)
    assert choose_recipe(features).recipe == "transfer"


def test_a_store_with_other_features_is_trained_from_scratch_and_told_why(monkeypatch):
    monkeypatch.setattr(choice, "has_yamnet_weights", lambda: True)
    chosen = choose_recipe(NAMED["report"])
    assert chosen.recipe == "best" and "build-features --config yamnet" in chosen.reason


def test_without_weights_the_recipe_from_scratch_is_chosen_and_told_why(monkeypatch):
    monkeypatch.setattr(choice, "has_yamnet_weights", lambda: False)
    chosen = choose_recipe()
    assert chosen.recipe == "best" and "weights are not in the cache and cannot be downloaded" in chosen.reason


def test_weights_are_there_in_the_cache_or_where_their_address_answers(monkeypatch, tmp_path):
    def unreachable(*_, **__):
        raise TimeoutError

    monkeypatch.setenv("FAT2019_CACHE", str(tmp_path))
    monkeypatch.setattr(choice.urllib.request, "urlopen", lambda *_, **__: contextlib.nullcontext())
    assert choice.has_yamnet_weights()
    monkeypatch.setattr(choice.urllib.request, "urlopen", unreachable)
    assert not choice.has_yamnet_weights()
    (tmp_path / "yamnet.h5").touch()
    assert choice.has_yamnet_weights()


class Store:
    """As much of a store as counts: the splits of its clips, and its classes."""

    def __init__(self, splits, classes):
        import pandas as pd

        self.path, self.vocabulary = "STORE", range(classes)
        self.clips = pd.DataFrame({"split": [name for name, count in splits.items() for _ in range(count)]})


def test_a_large_store_leaves_a_recipe_as_it_is():
    for recipe in ("best", "two-stages"):
        config = RECIPES[recipe].config
        assert fitted(config, Store({"curated": 1000, "noisy": 10}, 80), {}) is config


def test_without_noisy_clips_stages_on_them_are_trained_on_curated_ones(caplog):
    config = RECIPES["two-stages"].config
    with caplog.at_level(logging.INFO, "fat2019"):
        stages = fitted(config, Store({"curated": 1000}, 80), {}).stages
    assert [stage.splits for stage in stages] == [("curated",), ("curated",)]
    assert "STORE has no noisy clips" in caplog.text
    assert fitted(config, Store({"curated": 1000}, 80), {"splits": ("noisy",)}) is config  # that is for training to say


@pytest.mark.parametrize(("clips", "classes", "share"), [(12, 2, 0.17), (799, 80, 0.1), (100, 80, 0.25), (20, 2, 0.1)])
def test_of_few_clips_about_one_a_class_is_held_out_and_at_most_a_quarter(clips, classes, share):
    assert fitted(BEST, Store({"curated": clips}, classes), {}).validation_share == share


def test_a_share_that_was_given_stays():
    config = dataclasses.replace(BEST, validation_share=0.01)
    assert fitted(config, Store({"curated": 12}, 2), {"validation_share": 0.01}) is config
