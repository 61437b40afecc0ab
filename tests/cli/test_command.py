"""Help that explains itself, with examples that run."""

import shlex

import click
import pytest

from fat2019.cli import main
from tests.cli.running import run


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_and_option_explains_itself(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert main.commands[command].help
    for parameter in main.commands[command].params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_misspelt_commands_recipes_and_options_are_answered_with_the_near_ones():
    for command, near in (
        (("trian",), "'train'"),
        (("train", "--optimiser", "adam"), "--optimizer"),
        (("train", "--recipe", "bset"), "did you mean best?"),
        (("train", "--recipe", "xyz"), "`fat2019 recipes` lists them"),
    ):
        result = run(*command)
        assert result.exit_code == 2
        assert near in result.stderr


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_examples_that_it_takes(name):
    command = main.commands[name]
    assert command.examples
    for example in command.examples:
        words = shlex.split(example)
        assert words[:2] == ["fat2019", name]
        with command.make_context(name, words[2:], resilient_parsing=False):
            pass
