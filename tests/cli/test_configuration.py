"""A configuration from a file: what a run's config.json holds, or some fields of it."""

import json

import pytest

from fat2019.cli.configuration import read_configuration
from fat2019.config.recipes import BEST, RECIPES, configure
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError


@pytest.mark.parametrize("name", ["best", "simple", "table-6.5-resnet50-specaugment"])
def test_what_a_run_writes_is_read_back_as_it_was(tmp_path, name):
    config = RECIPES[name].config
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"train": config.to_plain(), "vocabulary": ["Bark"]}))
    assert read_configuration(path) == config


def test_a_toml_file_names_some_fields_and_the_others_have_their_defaults(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('seed = 3\n[model]\nname = "compact"\nwidth = 8\n[[stages]]\nepochs = 7\n')
    config = read_configuration(path)
    assert (config.seed, config.model.width, config.stages) == (3, 8, (Stage(epochs=7),))
    path.write_text("seed = 3\n")
    assert read_configuration(path) == TrainConfig(seed=3)


def test_options_override_a_file_and_a_recipe_beside_it_is_refused(tmp_path):
    assert configure(None, {"epochs": 5}, BEST).stages[0].epochs == 5
    with pytest.raises(DataError, match="exclude each other"):
        configure("best", {}, BEST)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "seed = ", "cannot be read as TOML"),
        ("a.json", "{", "cannot be read as JSON"),
        ("a.json", "[1]", "expected fields with their values"),
        ("a.toml", "sead = 1\n", "sead"),
        ("a.toml", "seed = -1\n", "seed: expected a whole number >= 0"),
        ("a.json", '{"train": 3}', "not the configuration of a training"),
        ("a.json", '{"stages": [3]}', "not the configuration of a training"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_is_wrong(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_configuration(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.toml: cannot be read: No such file"):
        read_configuration(tmp_path / "none.toml")
