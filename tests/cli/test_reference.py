"""The page of commands has all of them, with all of their options and examples."""

from fat2019.cli import main
from fat2019.cli.reference import reference


def test_every_command_option_and_example_is_on_the_page():
    page = reference()
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    assert list(parts) == ["fat2019", *main.list_commands(None)]
    for name, command in main.commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.opts[0] in parts[name], (name, parameter.opts)
        for example in command.examples:
            assert example in parts[name]


def test_bars_within_a_cell_do_not_end_it():
    for row in (line for line in reference().splitlines() if line.startswith("| ")):
        assert row.replace("\\|", "").count("|") == 3, row
