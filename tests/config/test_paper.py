"""The report's experiments as recipes."""

import itertools

from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.recipes import OURS, RECIPES, configure


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


def test_recipes_of_the_report_with_spec_augment_have_its_time_warp_and_say_so():
    with_it = {
        name
        for name, recipe in RECIPES.items()
        for stage in recipe.config.stages
        if SpecAugment(time_warp_frames=13) in stage.feed.augmentations and recipe.experiment != OURS
    }
    assert {name for name, recipe in RECIPES.items() if "time warp: 13 frames" in recipe.note} == with_it
    assert {"figure-6.3-simple", "table-6.5-resnet50-specaugment", "table-7.1-model-1"} < with_it
