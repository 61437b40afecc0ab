import dataclasses
import itertools

import pytest

from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.model import NETWORKS
from fat2019.config.overrides import changed, without_noisy_clips
from fat2019.config.recipes import BEST, DEFAULT, ENSEMBLE_FOLDS, OURS, RECIPES, configure, recipe_of
from fat2019.errors import DataError


def test_the_reports_two_stages_are_noisy_with_the_top_and_curated_without():
    config = configure("table-6.5-resnet50-specaugment", {})
    noisy, curated = config.stages
    assert (noisy.splits, noisy.trainable, noisy.epochs, noisy.learning_rate) == (("noisy",), "top", 15, 1e-3)
    assert (noisy.validate_on, noisy.feed.augmentations) == ("noisy", ())
    assert (curated.splits, curated.trainable, curated.epochs, curated.learning_rate) == (
        ("curated",),
        "none",
        50,
        3e-4,
    )
    assert (curated.validate_on, curated.feed.augmentations, curated.feed.augment) == (
        "curated",
        (SpecAugment(time_warp_frames=13),),
        "double-curated",
    )
    assert (config.model.name, config.model.head, config.validation_share) == ("resnet50", "conv", 0.2)


def test_the_second_final_model_holds_out_a_tenth_and_the_first_a_fifth():
    assert [RECIPES[f"table-7.1-model-{number}"].config.validation_share for number in (1, 2, 3)] == [0.2, 0.1, 0.1]
    assert RECIPES["table-7.1-model-3"].config.model.head == "mlp"


def test_the_rates_of_table_6_6_are_those_of_the_second_stage_alone():
    for optimizer, rate in itertools.product(("adam", "sgd"), ("1e-3", "3e-4", "1e-5")):
        first, second = RECIPES[f"table-6.6-{optimizer}-lr-{rate}"].config.stages
        assert (first.optimizer, first.learning_rate) == ("adam", 1e-3)
        assert (second.optimizer, second.learning_rate, second.epochs) == (optimizer, float(rate), 20)


def test_each_row_of_the_report_has_its_recipe_and_figures():
    counts = {
        "table-6.1": 3,
        "table-6.2": 2,
        "table-6.3": 3,
        "table-6.4": 2,
        "table-6.5": 6,
        "table-6.6": 6,
        "table-7.1": 3,
        "figure-6.3": 3,
        "figure-6.5": 2,
        "figure-6.6": 3,
        "section-6.1": 1,
        "section-6.6": 2,
    }
    assert {name: sum(recipe.experiment == name for recipe in RECIPES.values()) for name in counts} == counts
    of_the_report = [recipe for recipe in RECIPES.values() if recipe.experiment != OURS]
    assert sum(counts.values()) == len(of_the_report)
    for recipe in of_the_report:
        assert recipe.reported or "curves only" in recipe.note


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


def test_recipes_of_the_report_with_spec_augment_have_its_time_warp_and_say_so():
    with_it = {
        name
        for name, recipe in RECIPES.items()
        for stage in recipe.config.stages
        if SpecAugment(time_warp_frames=13) in stage.feed.augmentations and recipe.experiment != OURS
    }
    assert {name for name, recipe in RECIPES.items() if "time warp: 13 frames" in recipe.note} == with_it
    assert {"figure-6.3-simple", "table-6.5-resnet50-specaugment", "table-7.1-model-1"} < with_it


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


def test_a_policy_of_what_is_switched_off_is_refused():
    with pytest.raises(DataError, match="policy: LB is one of SpecAugment, which is switched off"):
        configure(None, {"spec_augment": False, "policy": "LB"})


def test_spec_augment_of_a_recipe_is_switched_off_and_its_policy_exchanged():
    config = RECIPES["figure-6.3-simple"].config
    assert changed(config, {"spec_augment": False}).stages[0].feed.augmentations == ()
    assert changed(config, {"policy": "SM"}).stages[0].feed.augmentations == (SpecAugment.published("SM"),)


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


def test_epochs_are_the_last_stage_s_and_those_before_change_in_proportion():
    name = "table-6.5-resnet50-raw"  # of 15 and 50 epochs
    assert [stage.epochs for stage in configure(name, {"epochs": 10}).stages] == [3, 10]
    assert [stage.epochs for stage in configure(name, {"epochs": 1}).stages] == [1, 1]


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"optimizer": "adam", "weight_decay": 0.1}, "--optimizer adamw"),
        ({"name": "resnet50", "head": "dense", "dropout": 0.2}, "the heads conv and mlp"),
        ({"name": "resnet50", "head": "mlp", "kernel_size": 5}, "the head conv"),
        ({"weights": "nosuch.h5"}, "a network on a backbone"),
        ({"head": "conv"}, "a network on a backbone"),
        ({"trainable": "all", "name": "compact"}, "a network on a backbone"),
        ({"name": "simple", "width": 8}, "the compact network"),
        ({"name": "simple", "mix_in_turn": 0.5}, "mixed sounds"),
        ({"time_warp_frames": 8}, "SpecAugment"),
        ({"noisy_weight": 0.5}, "noisy clips"),
        ({"folds": 3, "validation_share": 0.3}, "training without --folds"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused_with_where_it_would(options, where):
    name = list(options)[-1] if "trainable" not in options else "trainable"
    with pytest.raises(DataError, match=rf"{name}: .* would change nothing here: it is an option of .*{where}"):
        configure(None, options)


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.1, "optimizer": "adamw"},
        {"name": "resnet50", "head": "mlp", "dropout": 0.2, "weights": "none", "trainable": "top"},
        {"name": "resnet50", "head": "conv", "kernel_size": 5},
        {"name": "compact", "width": 8, "pooling": "attention", "standardise": False, "frequency_map": True},
        {"mix_share": 0.5, "mix_in_turn": 0.5, "mix_level_db": 3.0},
        {"splits": ("curated", "noisy"), "noisy_weight": 0.5},
        {"name": "simple", "validation_share": 0.3, "kernel_size": 5, "dropout": 0.1},
    ],
)
def test_an_option_that_changes_something_is_taken(options):
    assert configure(None, options) != DEFAULT


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


def test_without_noisy_clips_every_stage_is_trained_and_validated_on_curated_ones():
    config = without_noisy_clips(RECIPES["two-stages"].config)
    assert [(stage.splits, stage.validate_on) for stage in config.stages] == [(("curated",), "curated")] * 2
    assert [stage.trainable for stage in config.stages] == ["top", "none"]
    assert without_noisy_clips(BEST) == BEST


def test_each_row_says_what_was_decided_where_text_and_code_differ():
    by_name = {name: " ".join(recipe.decisions) for name, recipe in RECIPES.items()}
    assert "momentum of the backbone's batch normalisation: 0.9" in by_name["table-6.4-mobilenetv2"]
    assert "momentum" not in by_name["table-6.1-resnet50"]  # whose backbone is frozen
    assert "time warp: 13 frames" in by_name["table-7.1-model-2"]
    for name, recipe in RECIPES.items():
        assert ("--windows tiled" in by_name[name]) == bool({"validation", "test"} & recipe.reported.keys())
