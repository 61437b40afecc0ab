"""Commands whose help shows options in groups, and examples."""

from typing import Any

import click

from fat2019.utils.values import GROUPS

_HEADINGS = {"": "Options", **{group: f"{group} options" for group in GROUPS}}


class Command(click.Command):
    """A command with examples of what a user may type, one per line."""

    def __init__(self, *args: Any, examples: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = [line.strip() for line in examples.strip().splitlines()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        for heading, rows in grouped_options(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def grouped_options(command: click.Command, context: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Options of a command with their help, by heading."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)):
            rows.setdefault(_HEADINGS[getattr(parameter, "group", "")], []).append(record)
    return {heading: rows[heading] for heading in _HEADINGS.values() if heading in rows}
