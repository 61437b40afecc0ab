"""The types and options that several commands share."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from fat2019.config.recipes import RECIPES

Windows = Literal["tiled", "max-energy"]
Mean = Literal["arithmetic", "geometric"]
PATH = click.Path(path_type=Path)


class NearChoice(click.Choice[str]):
    """A choice that the shell completes, and that answers another value with the near ones, not with all."""

    def __init__(self, choices: Iterable[str], called: str, listed_by: str = "") -> None:
        super().__init__(list(choices))
        self._called, self._listed_by = called, listed_by

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """What is said of another value."""
        near = difflib.get_close_matches(str(value), self.choices)
        if near:
            return f"{value!r} is not one of the {self._called}; did you mean {' or '.join(near)}?"
        if self._listed_by:
            return f"{value!r} is not one of the {self._called}; `fat2019 {self._listed_by}` lists them"
        return f"{value!r} is not one of {', '.join(self.choices)}"


class Some(click.ParamType):
    """Some of a few names, between commas: ``curated,noisy`` is a tuple."""

    name = "some"

    def __init__(self, names: Sequence[str], metavar: str) -> None:
        self._names, self._metavar = tuple(names), metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """In their usual order: however they are given, it is the same training."""
        if not isinstance(value, str):
            return value
        given = [name.strip() for name in value.split(",") if name.strip()]
        if not given or set(given) - set(self._names):
            self.fail(f"expected some of {', '.join(self._names)}, received {value!r}", param, ctx)
        return tuple(name for name in self._names if name in given)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What help shows in place of the value."""
        return self._metavar


def some_columns(_: click.Context, __: click.Parameter, value: str | None) -> dict[str, str] | None:
    """Turn ``name=file,labels=tags`` into a mapping; a callback of options."""
    if value is None:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    if not all(field.strip() and column.strip() for field, _, column in pairs):
        raise click.BadParameter(f"expected name=COLUMN,labels=COLUMN, received {value!r}")
    return {field.strip(): column.strip() for field, _, column in pairs}


as_json = click.option(
    "--json", "json_", is_flag=True, help="Print one JSON object on standard output and nothing else."
)
FEATURES = Path("features/fat2019")  # the store of commands that are given none
layout = click.option(
    "--layout",
    default=None,
    help="Layout of the data set: kaggle, zenodo, folders, table, audiofolder, esc50, urbansound8k, "
    "fsd50k, fsdkaggle2018.  [default: detected]",
)
store_to_train_on = click.option(
    "--features", type=PATH, default=None, help=f"Feature store to train on.  [default: {FEATURES}]"
)
store_of_the_run = click.option(
    "--features", type=PATH, default=None, help="Feature store.  [default: the one trained on]"
)
recipe = click.option(
    "--recipe",
    type=NearChoice(RECIPES, "recipes", "recipes"),
    default=None,
    metavar="RECIPE",
    help="Start from a preset (`fat2019 recipes`); other options override it.",
)
config = click.option(
    "--config",
    type=PATH,
    default=None,
    metavar="FILE",
    help="Start from a TOML or JSON file, such as a run's config.json; other options override it.",
)
truth = click.option("--truth", type=PATH, default=None, help="CSV (fname,labels) with the labels of test clips.")
windows = click.option(
    "--windows",
    type=click.Choice(["tiled", "max-energy"]),
    default="tiled",
    help="Windows to score: all tiles of a clip, or its max-energy window.",
)
figures = click.option(
    "--figures", type=PATH, default=None, help="Folder for figures as SVG and PNG files.  [default: none]"
)
submission = click.option("--out", type=PATH, default=Path("submission.csv"), help="The file to write.")
validation_share = click.option(
    "--validation-share",
    type=float,
    default=0.2,
    help="Share of the curated clips to hold out when the class balance is computed.",
)
