"""Many runs, one table: `reproduce`, `compare` and `sweep`."""

from pathlib import Path
from typing import Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.configuration import read_configuration
from fat2019.cli.fields import recipe_options
from fat2019.cli.loading import require_file, require_files_of, require_folder_place
from fat2019.cli.options import FEATURES, PATH, NearChoice, Windows, as_json
from fat2019.cli.output import print_result, say_epoch
from fat2019.config.paper import TITLES
from fat2019.config.recipes import configure
from fat2019.errors import DataError
from fat2019.experiments.paper_tables import FINAL, NAMES, table_of
from fat2019.utils.tensorflow import load_tensorflow

SCALES = {"small": 0.1, "full": 1.0}  # of a reproduction
COMPARISONS = ("ablation", "cost")


def _scale(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return SCALES[value] if value in SCALES else float(value)
    except ValueError as error:
        raise click.BadParameter(f"expected {', '.join(SCALES)} or a number, received {value!r}") from error


def _out(folder: str) -> Any:
    return click.option(
        "--out", type=PATH, default=None, help=f"Folder for runs, table and figure.  [default: {folder}/TABLE]"
    )


@click.command(
    "reproduce",
    cls=Command,
    examples="""
    fat2019 reproduce table-6.5 --scale small
    fat2019 reproduce table-7.1 --seeds 3 --truth test_truth.csv
    fat2019 reproduce table-6.3 --backbone mobilenetv2 --weights mobilenet_v2.weights.h5
    """,
)
@click.argument("table", type=NearChoice(NAMES, "report's tables and figures"), metavar="TABLE")
@options.store_to_train_on
@_out("reproduced")
@click.option(
    "--scale",
    callback=_scale,
    default="full",
    help="Share of the epochs and of the training clips: full, small (0.1) or a number.",
)
@click.option(
    "--weights",
    default=None,
    metavar="NAME|FILE",
    help="Weights of backbones that are pretrained in the report: imagenet, none or a file.  [default: as in "
    "the report]",
)
@click.option(
    "--backbone",
    type=click.Choice(sorted(set(TITLES) - {"simple"})),
    default=None,
    help="Backbone for every row, for instance one whose weights you have.  [default: as in the report]",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Runs per row; the table shows their mean.",
)
@click.option(
    "--windows",
    type=click.Choice(["max-energy", "tiled"]),
    default="max-energy",
    help="Windows to score: a clip's max-energy window, as in the report, or all its tiles.",
)
@options.truth
@as_json
def reproduce(
    table: str,
    features: Path | None,
    out: Path | None,
    scale: float,
    weights: str | None,
    backbone: str | None,
    seeds: int,
    windows: Windows,
    truth: Path | None,
    json_: bool,
) -> None:
    """Train the rows of a TABLE of the report, such as table-6.5, and print its figures beside yours.

    TABLE may also be a figure, such as figure-6.3. Run the same command again to resume; finished rows are kept.
    """
    from fat2019.store.reader import FeatureStore

    name = table_of(table)
    path = out or Path("reproduced") / name
    if truth is not None and name != FINAL:
        raise DataError(f"truth: {name} has no scores of test clips; only {FINAL} has")
    require_file(truth)
    require_folder_place(path)
    store = FeatureStore.open(features or FEATURES)
    load_tensorflow()
    from fat2019.experiments.report_tables import reproduce as run

    result = run(
        name,
        store,
        path,
        scale=scale,
        weights=weights,
        seeds=seeds,
        truth=truth,
        windows=windows,
        backbone=backbone,
        report=say_epoch,
    )
    print_result({name: value for name, value in result.items() if name != "markdown"}, json_, [result["markdown"]])


@click.command(
    "compare",
    cls=Command,
    examples="""
    fat2019 compare ablation --row best --row "without mixed sounds"
    fat2019 compare cost --scale small --seeds 1
    fat2019 compare ablation --other features/microphone microphone.csv
    """,
)
@click.argument("table", type=NearChoice(COMPARISONS, "comparisons"), metavar="TABLE")
@options.store_to_train_on
@_out("compared")
@click.option("--scale", callback=_scale, default="full", help="Share of the epochs: full, small (0.1) or a number.")
@click.option(
    "--seeds", type=click.IntRange(1), default=3, metavar="N", help="Runs per row; the table shows their mean."
)
@click.option("--row", "rows", multiple=True, help="Row to train; may be given more than once.  [default: all]")
@options.truth
@click.option(
    "--other",
    "others",
    type=(PATH, PATH),
    multiple=True,
    metavar="STORE TRUTH",
    help="Another test set, for instance from another microphone; a column shows the mean of all; may be repeated.",
)
@as_json
def compare(
    table: str,
    features: Path | None,
    out: Path | None,
    scale: float,
    seeds: int,
    rows: tuple[str, ...],
    truth: Path | None,
    others: tuple[tuple[Path, Path], ...],
    json_: bool,
) -> None:
    """Train variants of our own recipes, and compare them in one table.

    TABLE is `ablation`, the recipe best with single ingredients removed or added, or `cost`, networks of several sizes
    trained for increasing numbers of epochs. Run the same command again to resume; finished runs are kept.
    """
    from fat2019.experiments.ablation import trials_of
    from fat2019.store.reader import FeatureStore

    path = out or Path("compared") / table
    require_file(truth)
    for _, labels in others:
        require_file(labels)
    require_folder_place(path)
    store = FeatureStore.open(features or FEATURES)
    sets = [(FeatureStore.open(other), labels) for other, labels in others]
    trials_of(table, store, scale, rows)
    load_tensorflow()
    from fat2019.experiments.comparison import compare as run

    result = run(table, store, path, scale=scale, seeds=seeds, only=rows, truth=truth, others=sets, report=say_epoch)
    print_result({name: value for name, value in result.items() if name != "markdown"}, json_, [result["markdown"]])


@click.command(
    "sweep",
    cls=Command,
    examples="""
    fat2019 sweep --lr 1e-3 --lr 3e-4 --epochs 20
    fat2019 sweep --model simple --kernel-size 3 --kernel-size 5 --dropout 0.2 --dropout 0.5
    """,
)
@as_json
@options.store_to_train_on
@click.option("--out", type=PATH, default=Path("sweep"), help="Folder for runs and table.")
@options.recipe
@options.config
@recipe_options(repeatable=True)
def sweep(
    features: Path | None, out: Path, recipe: str | None, config: Path | None, json_: bool, **changes: Any
) -> None:
    """Train every combination of options given more than once.

    Run the same command again to resume; finished runs are kept. With --folds, only one fold is trained: the first, or
    the one given by --fold.
    """
    from fat2019.store.reader import FeatureStore

    fixed = {name: value for name, value in changes.items() if not isinstance(value, tuple)}
    grid = {name: values for name, values in changes.items() if isinstance(values, tuple) and values}
    base = configure(recipe, fixed, read_configuration(config) if config else None)
    require_files_of(base)
    require_folder_place(out)
    store = FeatureStore.open(features or FEATURES)
    load_tensorflow()
    from fat2019.experiments.sweep import sweep as run
    from fat2019.experiments.sweep import to_markdown

    rows = run(store, base, grid, out, say_epoch)
    varying = [name for name, values in grid.items() if len(values) > 1]
    print_result({"runs": rows}, json_, [to_markdown(rows, varying)])
