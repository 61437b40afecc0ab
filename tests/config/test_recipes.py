import dataclasses

import pytest

from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.model import NETWORKS
from fat2019.config.overrides import changed
from fat2019.config.recipes import BEST, DEFAULT, ENSEMBLE_FOLDS, OURS, RECIPES, configure, recipe_of
from fat2019.errors import DataError


@pytest.mark.parametrize("name", ["table-6.1-resnet50", "table-6.2-mobilenetv2", "figure-6.3-simple", "simple"])
def test_options_replace_single_fields_of_every_stage(name):
    config = configure(
        name,
        {
            "epochs": 3,
            "learning_rate": 0.5,
            "mixup_alpha": 0.3,
            "weights": "none",
            "seed": 7,
            "batch_windows": 2,
            "optimizer": None,
        },
    )
    assert (config.seed, config.model.weights) == (7, "none")
    for stage in config.stages:
        assert (stage.epochs, stage.learning_rate, stage.feed.batch_windows) == (3, 0.5, 2)
        assert MixUp(0.3) in stage.feed.augmentations
        assert (stage.optimizer, stage.feed.seed) == ("adam", 7)
    before = configure(name, {})
    assert (config.model.name, config.model.head) == (before.model.name, before.model.head)


def test_without_options_a_recipe_is_itself_and_no_recipe_is_the_best():
    assert configure(None, {"epochs": None}) == DEFAULT == BEST
    for name, recipe in RECIPES.items():
        assert configure(name, {}) == recipe.config


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"spec_augment": True}, (SpecAugment(),)),
        ({"spec_augment": False}, ()),
        ({"policy": "LB"}, (SpecAugment.published("LB"),)),
        ({"policy": "ours"}, (SpecAugment(),)),
        ({"policy": "ours", "time_warp_frames": 13}, (SpecAugment(time_warp_frames=13),)),
        (
            {"policy": "LB", "time_warp_frames": 0},
            (dataclasses.replace(SpecAugment.published("LB"), time_warp_frames=0),),
        ),
        ({}, ()),
    ],
)
def test_spec_augment_is_a_flag_and_a_policy(options, expected):
    assert configure("simple", options).stages[0].feed.augmentations == expected


def test_our_recipes_hold_out_the_same_clips():
    ours = {name: recipe.config for name, recipe in RECIPES.items() if recipe.experiment == OURS}
    assert ours.keys() == {"best", "best-noisy", "best-ensemble", "simple", "two-stages", "transfer", "probe"}
    assert {(config.validation_share, config.seed) for config in ours.values()} == {(0.1, 0)}


def test_best_is_one_configuration_whole_and_in_folds():
    assert configure("best", {}) == BEST
    folds = {configure("best-ensemble", {"fold": fold}) for fold in range(1, ENSEMBLE_FOLDS + 1)}
    assert folds == {dataclasses.replace(BEST, folds=ENSEMBLE_FOLDS, fold=fold) for fold in range(1, 6)}
    with pytest.raises(DataError, match="fold: expected 1 to 5"):
        configure("best-ensemble", {"fold": 6})


def test_an_unknown_recipe_and_a_bad_value_are_refused():
    with pytest.raises(DataError, match="recipe: there is no 'table-9'"):
        configure("table-9", {})
    with pytest.raises(DataError, match=r"did you mean best\?"):
        configure("bset", {})
    with pytest.raises(DataError, match="epochs"):
        configure("table-6.1-simple", {"epochs": 0})


def test_a_network_named_alone_is_trained_by_a_recipe_of_its_own():
    for network in NETWORKS:
        config = configure(None, {"name": network})
        assert config == changed(RECIPES[recipe_of(network)].config, {"name": network})
        assert config.model.name == network
    assert configure(None, {"name": "simple"}) == RECIPES["simple"].config
    assert configure(None, {"name": "compact"}) == BEST
    resnet = configure(None, {"name": "resnet50"})
    assert resnet == RECIPES["table-7.1-model-2"].config  # and not the frozen backbone with a dense head
    assert [stage.trainable for stage in resnet.stages] == ["top", "none"] and resnet.model.head == "conv"


def test_a_network_beside_a_recipe_takes_its_place_there():
    assert configure("best", {"name": "simple"}) == changed(BEST, {"name": "simple"})
