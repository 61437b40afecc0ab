"""The page ``docs/commands.md``, made from the commands themselves.

``python -m fat2019.cli.reference > docs/commands.md`` makes it anew.
"""

import inspect
from collections.abc import Iterator

import click

from fat2019.cli import main
from fat2019.cli.command import Command, grouped_options

_HEAD = """# Commands and options

Made by `python -m fat2019.cli.reference > docs/commands.md`; every command also prints its part with `--help`.
`--quiet` and `--verbose`, the first below, may stand among the options of any command. `python cli.py` is the same as
`fat2019`.
"""


def reference() -> str:
    """The page, in Markdown."""
    context = click.Context(main, info_name="fat2019", show_default=True)
    parts = [_HEAD, "## fat2019", *_body(context)]
    for name in main.list_commands(context):
        command = main.commands[name]
        parts += [f"## {name}", *_body(click.Context(command, info_name=name, parent=context))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _body(context: click.Context) -> Iterator[str]:
    yield f"`{context.command_path} {' '.join(context.command.collect_usage_pieces(context))}`"
    yield inspect.cleandoc(context.command.help or "")
    for heading, rows in grouped_options(context.command, context).items():
        table = [
            f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in rows if "--help" not in names.split(", ")
        ]
        if heading != "Options":
            yield f"### {heading}"
        if table:
            yield "\n".join(["| option | meaning |", "|---|---|", *table])
    if isinstance(context.command, Command):
        yield "\n".join(["```sh", *context.command.examples, "```"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(reference(), nl=False)
