"""From a feature store to a trained run: `train`, `relabel`, and what can be trained: `recipes`, `models`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.fields import recipe_options
from fat2019.cli.loading import load_tensorflow, require_files_of, require_folder_place
from fat2019.cli.options import PATH, as_json
from fat2019.cli.output import epoch_line, print_result, say_epoch
from fat2019.config.recipes import RECIPES, configure
from fat2019.scoring.cross_validation import cross_validation
from fat2019.scoring.trust import caution
from fat2019.utils.files import require_place

if TYPE_CHECKING:
    from fat2019.runs.run import Run


@click.command(
    "train",
    cls=Command,
    examples="""
    fat2019 train --recipe best
    fat2019 train --model simple --epochs 20 --run runs/short
    fat2019 train --recipe best --folds 5 --seed 1
    """,
)
@options.store_to_train_on
@click.option(
    "--run",
    type=PATH,
    default=None,
    help="The run's folder.  [default: runs/MODEL or runs/RECIPE]",
)
@options.recipe
@recipe_options()
@click.option("--own-folds", is_flag=True, help="Cross-validate over the data set's own folds, in RUN/fold-1, ...")
@as_json
def train(features: Path, run: Path | None, recipe: str | None, own_folds: bool, json_: bool, **changes: Any) -> None:
    """Train a network on a feature store.

    An interrupted run resumes from its last finished epoch when the same command is given again. With a recipe,
    its own settings take the place of the defaults below.
    """
    from fat2019.store.reader import FeatureStore

    if own_folds and (changes["folds"] or changes["validate_on_fold"]):
        raise click.UsageError("--own-folds, --folds and --validate-on-fold exclude each other")
    config = configure(recipe, changes)
    path = run or Path("runs") / (recipe or config.model.name)
    store, epochs = FeatureStore.open(features), [stage.epochs for stage in config.stages]
    require_files_of(config)
    require_folder_place(path)
    load_tensorflow()
    from fat2019.training.trainer import train as fit
    from fat2019.training.trainer import train_folds, train_own_folds

    if own_folds or (config.folds and changes["fold"] is None):
        fit_all = train_own_folds if own_folds else train_folds
        runs = fit_all(store, config, path, epoch_line(epochs, of=" of this fold"))
        result, lines = cross_validation(runs)
        print_result(result, json_, [*(_trained(one) for one in runs), *lines])
        return
    trained = fit(store, config, path, epoch_line(epochs))
    lines = [_trained(trained), *filter(None, [caution(trained.metrics["validation"])])]
    print_result({"run": str(path), **trained.metrics}, json_, lines)


def _trained(run: "Run") -> str:
    validation = run.metrics["validation"]
    return (
        f"{run.path}: LWLRAP on validation {validation['lwlrap']:.4f} ({validation['clips']} clips, "
        f"{validation['windows']} windows), {run.metrics['epochs']} epochs in {run.metrics['seconds']:.0f} s"
    )


# By `relabel` itself: it trains on both kinds of clips, and holds out noisy ones by --parts.
_DECIDED = ("splits", "validate_on", "validation_share", "folds", "fold", "relabel")


@click.command(
    "relabel",
    cls=Command,
    examples="""
    fat2019 relabel --out relabelled.csv
    fat2019 relabel --parts 5 --epochs 50
    """,
)
@options.store_to_train_on
@click.option("--out", type=PATH, default=Path("relabelled.csv"), help="The file to write.")
@click.option("--work", type=PATH, default=Path("relabel"), help="Folder for the runs.")
@click.option("--parts", type=click.IntRange(2), default=3, help="Parts of the noisy clips, and networks.")
@options.recipe
@recipe_options(leave_out=_DECIDED)
@as_json
def relabel(features: Path, out: Path, work: Path, parts: int, recipe: str | None, json_: bool, **changes: Any) -> None:
    """Judge the labels of noisy clips by networks that have not seen them, for `train --relabel`.

    For each clip the file has their scores, how far its labels agree with them, and what to do: keep, drop, or train
    towards the mean of labels and scores (soft). Networks are trained as by `train`, the recipe being best-noisy, whose
    settings take the place of the defaults below. The curated clips that `train` with the same --seed holds out for
    validation have no part in it, so that its score stays honest; with --folds, or another share, they would.
    """
    from fat2019.store.reader import FeatureStore

    require_place(out)
    require_folder_place(work)
    config = configure(recipe or "best-noisy", changes)
    store = FeatureStore.open(features)
    require_files_of(config)
    load_tensorflow()
    from fat2019.training.relabel import relabel as judge

    table = judge(store, config, out, work, folds=parts, on_epoch=say_epoch)
    uses = {use: int((table["use"] == use).sum()) for use in ("keep", "soft", "drop")}
    agreement = float(table["agreement"].mean())
    print_result(
        {"out": str(out), "clips": len(table), "uses": uses, "mean_agreement": agreement},
        json_,
        [f"{out}: {len(table)} clips: " + ", ".join(f"{use} {count}" for use, count in uses.items())],
    )


@click.command(
    "recipes",
    cls=Command,
    examples="""
    fat2019 recipes
    fat2019 recipes --json
    """,
)
@as_json
def recipes(json_: bool) -> None:
    """List the named configurations: the rows of the report's tables and the curves of its figures."""
    print_result(
        {"recipes": [{**vars(recipe), "config": recipe.config.to_plain()} for recipe in RECIPES.values()]},
        json_,
        [
            f"{recipe.name:<36} {recipe.experiment.replace('-', ' ')}: {recipe.row}"
            + (
                f" ({', '.join(f'{name} {value}' for name, value in recipe.reported.items())})"
                if recipe.reported
                else ""
            )
            for recipe in RECIPES.values()
        ],
    )


@click.command(
    "models",
    cls=Command,
    examples="""
    fat2019 models
    fat2019 models --classes 10
    """,
)
@click.option("--classes", type=click.IntRange(1), default=80, help="Outputs.")
@as_json
def models(classes: int, json_: bool) -> None:
    """List every network and head with its parameters."""
    from fat2019.models.networks import list_models

    rows = list_models(classes)
    print_result(
        {"models": rows},
        json_,
        [
            f"{'model':<18} {'head':<6} {'total':>12} {'trainable':>12} {'frozen':>12}  input",
            *(
                f"{row['model']:<18} {row['head']:<6} {row['total']:>12,} {row['trainable']:>12,} "
                f"{row['frozen']:>12,}  {'x'.join(map(str, row['input_shape']))}"
                for row in rows
            ),
        ],
    )
