"""Many runs, one table: `reproduce` and `sweep`."""

from pathlib import Path
from typing import Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.fields import recipe_options
from fat2019.cli.options import PATH, as_json
from fat2019.cli.output import print_result, say_epoch

SCALES = {"small": 0.1, "full": 1.0}  # of a reproduction


def _scale(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return SCALES[value] if value in SCALES else float(value)
    except ValueError as error:
        raise click.BadParameter(f"expected {', '.join(SCALES)} or a number, received {value!r}") from error


@click.command(
    "reproduce",
    cls=Command,
    examples="""
    fat2019 reproduce table-6.5 --scale small
    fat2019 reproduce table-7.1 --seeds 3 --truth test_truth.csv
    """,
)
@click.argument("table")
@options.store_to_train_on
@click.option(
    "--out",
    type=PATH,
    default=None,
    help="Folder for runs, table and figure.  [default: reproduced/TABLE]",
)
@click.option(
    "--scale",
    callback=_scale,
    default="full",
    help="Share of the epochs and of the training clips: full, small (0.1) or a number.",
)
@click.option("--weights", default=None, help="Of the backbones: imagenet, none or a file.  [default: as the report]")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=None,
    help="Runs of each row; the table shows their mean.  [default: 1; 3 for ablation and cost]",
)
@click.option("--row", "rows", multiple=True, help="Of ablation and cost, only these.  [default: all]")
@options.truth
@click.option(
    "--other",
    "others",
    type=(PATH, PATH),
    multiple=True,
    metavar="STORE TRUTH",
    help="Of ablation and cost: more test clips to score, such as those of other microphones. The mean is a column.",
)
@as_json
def reproduce(
    table: str,
    features: Path,
    out: Path | None,
    scale: float,
    weights: str | None,
    seeds: int | None,
    rows: tuple[str, ...],
    truth: Path | None,
    others: tuple[tuple[Path, Path], ...],
    json_: bool,
) -> None:
    """Train the rows of a TABLE of the report, such as table-6.5, and set the results beside its own.

    Two tables are not the report's: `ablation` trains the recipe best with each of its pieces left out, and `cost`
    networks of several sizes for more and more epochs. Their scale is one of the epochs alone.

    A table that was interrupted goes on when the same command is given again; finished rows are kept.
    """
    from fat2019.experiments.reproduce import reproduce as run
    from fat2019.experiments.reproduce import table_of
    from fat2019.experiments.trials import TABLES, compare
    from fat2019.store.reader import FeatureStore

    name = table if table in TABLES else table_of(table, also=TABLES)
    path = out or Path("reproduced") / name
    store = FeatureStore.open(features)
    for option, given, tables in (("--row", rows, TABLES), ("--other", others, TABLES), ("--weights", weights, ())):
        if given and (table in TABLES) != bool(tables):
            which = ", ".join(TABLES) if tables else "the report's tables"
            raise click.UsageError(f"{option} is an option of {which}, and not of {table}")
    if table in TABLES:
        sets = [(FeatureStore.open(other), labels) for other, labels in others]
        result = compare(
            table,
            store,
            path,
            scale=scale,
            seeds=seeds or 3,
            only=rows,
            truth=truth,
            others=sets,
            report=say_epoch,
        )
    else:
        result = run(table, store, path, scale=scale, weights=weights, seeds=seeds or 1, truth=truth, report=say_epoch)
    print_result({name: value for name, value in result.items() if name != "markdown"}, json_, [result["markdown"]])


@click.command(
    "sweep",
    cls=Command,
    examples="""
    fat2019 sweep --lr 1e-3 --lr 3e-4 --epochs 20
    fat2019 sweep --recipe best --dropout 0.2 --dropout 0.5
    """,
)
@as_json
@options.store_to_train_on
@click.option("--out", type=PATH, default=Path("sweep"), help="Folder for runs and table.")
@options.recipe
@recipe_options(repeatable=True)
def sweep(features: Path, out: Path, recipe: str | None, json_: bool, **changes: Any) -> None:
    """Train every combination of options given more than once, such as --lr 1e-3 --lr 3e-4 --kernel-size 3.

    A sweep that was interrupted goes on when the same command is given again; finished runs are kept. With a recipe,
    its own settings take the place of the defaults below. Of folds one is trained, the first or that of --fold.
    """
    from fat2019.config.recipes import configure
    from fat2019.experiments.sweep import sweep as run
    from fat2019.experiments.sweep import to_markdown
    from fat2019.store.reader import FeatureStore

    fixed = {name: value for name, value in changes.items() if not isinstance(value, tuple)}
    grid = {name: values for name, values in changes.items() if isinstance(values, tuple) and values}
    rows = run(FeatureStore.open(features), configure(recipe, fixed), grid, out, say_epoch)
    varying = [name for name, values in grid.items() if len(values) > 1]
    print_result({"runs": rows}, json_, [to_markdown(rows, varying)])
