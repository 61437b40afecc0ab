"""What single options change in a configuration."""

import pytest

from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.overrides import changed, without_noisy_clips
from fat2019.config.recipes import BEST, DEFAULT, RECIPES, configure
from fat2019.errors import DataError


def test_a_policy_of_what_is_switched_off_is_refused():
    with pytest.raises(DataError, match="policy: LB is a policy of SpecAugment, which is off"):
        configure(None, {"spec_augment": False, "policy": "LB"})


def test_spec_augment_of_a_recipe_is_switched_off_and_its_policy_exchanged():
    config = RECIPES["figure-6.3-simple"].config
    assert changed(config, {"spec_augment": False}).stages[0].feed.augmentations == ()
    assert changed(config, {"policy": "SM"}).stages[0].feed.augmentations == (SpecAugment.published("SM"),)


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
    with pytest.raises(DataError, match=rf"{name}: .* has no effect here: it is an option of .*{where}"):
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


def test_without_noisy_clips_every_stage_is_trained_and_validated_on_curated_ones():
    config = without_noisy_clips(RECIPES["two-stages"].config)
    assert [(stage.splits, stage.validate_on) for stage in config.stages] == [(("curated",), "curated")] * 2
    assert [stage.trainable for stage in config.stages] == ["top", "none"]
    assert without_noisy_clips(BEST) == BEST
