"""The types and options that several commands share."""

from pathlib import Path
from typing import Literal

import click

from fat2019.config.features import SPLITS

Windows = Literal["tiled", "max-energy"]
Mean = Literal["arithmetic", "geometric"]
PATH = click.Path(path_type=Path)


def some_splits(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Turn ``curated,noisy`` into a tuple; a callback of options."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    unknown = [name for name in names if name not in SPLITS]
    if unknown or not names:
        raise click.BadParameter(f"expected some of {','.join(SPLITS)}, received {value!r}")
    return tuple(name for name in SPLITS if name in names)  # however they are given, it is the same training


as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON object on standard output, nothing else.")
store_to_train_on = click.option("--features", type=PATH, default=Path("features/fat2019"), help="The feature store.")
store_of_the_run = click.option(
    "--features", type=PATH, default=None, help="The feature store.  [default: the one of the training]"
)
recipe = click.option(
    "--recipe", default=None, help="A named configuration (see: recipes), of which options change single fields."
)
truth = click.option(
    "--truth", type=PATH, default=None, help="CSV (fname,labels) of the labels of test clips, where they are known."
)
windows = click.option(
    "--windows",
    type=click.Choice(["tiled", "max-energy"]),
    default="tiled",
    help="All of a clip, or its loudest window.",
)
figures = click.option(
    "--figures", type=PATH, default=None, help="Folder for the figures as SVG and PNG files.  [default: none]"
)
submission = click.option("--out", type=PATH, default=Path("submission.csv"), help="The file to write.")
validation_share = click.option(
    "--validation-share",
    type=float,
    default=0.2,
    help="Of the curated clips, held out when the balance of the splits is shown.",
)
