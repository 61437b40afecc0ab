"""Options of recipes: each is a field's, and says what the field says."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from fat2019.augmentations.registry import registered
from fat2019.cli.experiments import sweep
from fat2019.cli.fields import recipe_options
from fat2019.cli.train import relabel, train
from fat2019.config.feed import FeedConfig
from fat2019.config.model import NETWORKS, ModelConfig
from fat2019.config.recipes import DEFAULT
from fat2019.config.training import Stage, TrainConfig
from fat2019.utils.values import GROUPS, meta

CLASSES = (ModelConfig, Stage, FeedConfig, *(cls.options() for cls in registered()), TrainConfig)
FIELDS = [(cls, field.name) for cls in CLASSES for field in dataclasses.fields(cls)]
FLAGGED = {name: meta(cls, name) for cls, name in FIELDS if "flag" in (meta(cls, name).extra or {})}
OPTIONS = {option.name: option for option in train.params if hasattr(option, "group")}


@click.command
@recipe_options()
def given(**options):
    """Print the options that have a value."""
    click.echo({name: value for name, value in options.items() if value is not None})


def parsed(*arguments):
    result = CliRunner().invoke(given, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return eval(result.stdout)


def refused(*arguments):
    result = CliRunner().invoke(given, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    return result.stderr


def test_every_flagged_field_is_an_option_with_its_own_flag_group_and_help():
    assert OPTIONS.keys() == FLAGGED.keys()
    for name, declared in FLAGGED.items():
        assert OPTIONS[name].opts == [declared.extra["flag"]]
        assert OPTIONS[name].group == declared.extra["group"]
        assert OPTIONS[name].help == declared.description


def test_help_of_options_begins_with_a_noun_or_a_verb_and_groups_are_known():
    for option in OPTIONS.values():
        assert option.group in GROUPS
        assert option.help[0].isupper() and option.help.endswith(".")
        assert not option.help.startswith("Of ")


def test_an_option_that_is_not_given_changes_nothing():
    assert parsed() == {}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--model", "resnet50"), {"name": "resnet50"}),
        (("--splits", "noisy,curated"), {"splits": ("curated", "noisy")}),
        (("--lr", "1e-3", "--batch-size", 8), {"learning_rate": 1e-3, "batch_windows": 8}),
        (("--no-standardise", "--spec-augment"), {"standardise": False, "spec_augment": True}),
        (("--policy", "LB", "--time-warp", 4), {"policy": "LB", "time_warp_frames": 4}),
    ],
)
def test_values_have_the_fields_names_and_types(arguments, expected):
    assert parsed(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--epochs", 0), "0 is not in the range x>=1"),
        (("--dropout", 1), "1.0 is not in the range 0<=x<1"),
        (("--lr", 0), "0.0 is not in the range x>0"),
        (("--seed", 2**32), "is not in the range 0<=x<=4294967295"),
        (("--optimizer", "adan"), "did you mean adam or adamw?"),
        (("--model", "resnet5O"), "did you mean resnet50?"),
        (("--splits", "test"), "expected some of curated, noisy, received 'test'"),
        (("--optimiser", "adam"), "--optimizer"),
    ],
)
def test_a_value_out_of_range_or_without_such_a_choice_is_refused_with_what_fits(arguments, expected):
    assert expected in " ".join(refused(*arguments).split())


def test_networks_are_choices_that_the_shell_completes():
    context = click.Context(given)
    found = OPTIONS["name"].shell_complete(context, "")
    assert [item.value for item in found] == list(NETWORKS)


def test_help_names_the_default_of_training_without_a_recipe():
    context = click.Context(train)
    named = {name: option.get_help_extra(context)["default"] for name, option in OPTIONS.items()}
    stage = DEFAULT.stages[-1]
    assert named["learning_rate"] == f"{stage.learning_rate:g}"
    assert named["epochs"] == str(stage.epochs)
    assert named["name"] == DEFAULT.model.name
    assert named["standardise"] == "on" and named["jit"] == "off"
    assert named["splits"] == ",".join(stage.splits)
    assert named["validation_share"] == f"{DEFAULT.validation_share:g}"
    assert named["fold"].startswith("each in turn")  # what comes of not giving it, where the value says little


def test_a_sweep_takes_options_more_than_once_and_relabel_has_none_that_it_decides_itself():
    by_name = {option.name: option for option in sweep.params}
    assert by_name["learning_rate"].multiple and not by_name["standardise"].multiple
    decided = {"splits", "validate_on", "validation_share", "folds", "fold", "validate_on_fold", "relabel"}
    assert {option.name for option in relabel.params} & OPTIONS.keys() == OPTIONS.keys() - decided
