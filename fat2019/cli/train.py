"""From a feature store to a trained run: `train`, `relabel`, and what can be trained: `recipes`, `models`."""

import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.fields import recipe_options
from fat2019.cli.loading import load_tensorflow, require_files_of, require_folder_place
from fat2019.cli.options import FEATURES, PATH, as_json
from fat2019.cli.output import epoch_line, print_result, say_epoch
from fat2019.config.recipes import RECIPES, configure
from fat2019.experiments.choice import choose_recipe, fitted
from fat2019.utils.files import require_place
from fat2019.utils.progress import progress

if TYPE_CHECKING:
    from fat2019.runs.run import Run
    from fat2019.store.reader import FeatureStore


@click.command(
    "train",
    cls=Command,
    examples="""
    fat2019 train sounds/
    fat2019 train features/fat2019 --epochs 20 --run runs/short
    fat2019 train features/fat2019 --model simple
    fat2019 train features/fat2019 --recipe best-ensemble --seed 1
    """,
)
@click.argument("sounds", type=PATH, required=False)
@options.store_to_train_on
@click.option(
    "--run",
    type=PATH,
    default=None,
    help="Folder of the run.  [default: runs/RECIPE or runs/MODEL, with SOUNDS runs/NAME-RECIPE]",
)
@options.recipe
@recipe_options()
@click.option("--own-folds", is_flag=True, help="Cross-validate over the data set's own folds, in RUN/fold-1, ...")
@as_json
def train(
    sounds: Path | None,
    features: Path | None,
    run: Path | None,
    recipe: str | None,
    own_folds: bool,
    json_: bool,
    **changes: Any,
) -> None:
    """Train a network on SOUNDS: a feature store, or a folder of sounds, of which a store is built first.

    A folder is built into features/NAME; the run's page is written into the run's folder. SOUNDS may also be left out,
    for --features. Without --recipe and --model, the recipe that serves best here is chosen. The defaults below are
    those of the recipe best. Run the same command again to resume from the last finished epoch.
    """
    if sounds is not None and features is not None:
        raise click.UsageError("give SOUNDS or --features, and not both")
    if own_folds and (changes["folds"] or changes["validate_on_fold"]):
        raise click.UsageError("--own-folds, --folds and --validate-on-fold exclude each other")
    name = _recipe_to_train(recipe, changes["name"])
    config = configure(name, changes)
    folder = "-".join([*([sounds.resolve().name] if sounds else []), recipe or changes["name"] or name or ""])
    path = run or Path("runs") / folder
    require_files_of(config)
    require_folder_place(path)
    store = _store_to_train_on(sounds or features or FEATURES, name, is_folder_welcome=sounds is not None)
    if recipe is None:
        config = fitted(config, store, changes)
    load_tensorflow()
    from fat2019.scoring.cross_validation import cross_validation
    from fat2019.scoring.trust import caution
    from fat2019.training.trainer import train as fit
    from fat2019.training.trainer import train_folds, train_own_folds

    epochs = [stage.epochs for stage in config.stages]
    if own_folds or (config.folds and changes["fold"] is None):
        fit_all = train_own_folds if own_folds else train_folds
        runs = fit_all(store, config, path, epoch_line(epochs, of=" of this fold"))
        result, lines = cross_validation(runs)
        print_result(result, json_, [*(_trained(one) for one in runs), *lines])
        return
    trained = fit(store, config, path, epoch_line(epochs))
    result, lines = {"run": str(path), **trained.metrics}, [_trained(trained)]
    lines += filter(None, [caution(trained.metrics["validation"])])
    if sounds is not None:
        page = _page_of(path)
        result |= {"store": str(store.path), "page": str(page)}
        lines += [f"page of the run: {page}", f"next: fat2019 tag {shlex.quote(str(path))} FILE..."]
    print_result(result, json_, lines)


def _recipe_to_train(recipe: str | None, network: str | None) -> str | None:
    """The recipe that was asked for, or the one that serves best; none where a network is named, which has its own."""
    if recipe or network:
        return recipe
    choice = choose_recipe()
    logging.getLogger("fat2019").info("recipe %s: %s", choice.recipe, choice.reason)
    return choice.recipe


def _store_to_train_on(path: Path, recipe: str | None, *, is_folder_welcome: bool) -> "FeatureStore":
    """Open a store, or build the one of a folder of sounds."""
    from fat2019.experiments.sounds import build_store, is_store, store_place
    from fat2019.store.reader import FeatureStore

    if is_folder_welcome and path.is_dir() and not is_store(path):
        place = store_place(path)
        with progress("clips") as show:
            summary = build_store(path, place, RECIPES[recipe].features if recipe else "report", show)
        logging.getLogger("fat2019").info("%s: %d clips of %s", place, summary.clips, path)
        for fname, reason in summary.quarantined:
            logging.getLogger("fat2019").warning("left out: %s: %s", fname, reason)
        path = place
    return FeatureStore.open(path)


def _page_of(run: Path) -> Path:
    """Write the page of a finished run."""
    from fat2019.pages.report import report

    page = run / "report.html"
    with progress("clips") as show:
        report([run], page, progress=show)
    return page


def _trained(run: "Run") -> str:
    validation = run.metrics["validation"]
    return (
        f"{run.path}: LWLRAP on validation {validation['lwlrap']:.4f} ({validation['clips']} clips, "
        f"{validation['windows']} windows), {run.metrics['epochs']} epochs in {run.metrics['seconds']:.0f} s"
    )


# By `relabel` itself: it trains on both kinds of clips and holds out folds of the noisy ones.
_DECIDED = ("splits", "validate_on", "validation_share", "folds", "fold", "validate_on_fold", "relabel")


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
@click.option(
    "--parts",
    type=click.IntRange(2),
    default=3,
    metavar="N",
    help="Folds of the noisy clips, each scored by a network of its own.",
)
@options.recipe
@recipe_options(leave_out=_DECIDED)
@as_json
def relabel(features: Path, out: Path, work: Path, parts: int, recipe: str | None, json_: bool, **changes: Any) -> None:
    """Estimate the confidence of noisy labels by networks that have not seen the clips, for `train --relabel`.

    The file has each clip's scores, how far its labels agree with them, and what to do with it: keep, drop, or train on
    the mean of labels and scores (soft). Networks are trained by the recipe best-noisy unless told otherwise. Curated
    clips that `train` with the same --seed holds out have no part in it, so that its validation score stays honest;
    with --folds, or another share, they would. Run the same command again to resume from the last finished epoch.
    """
    from fat2019.store.reader import FeatureStore

    require_place(out)
    require_folder_place(work)
    config = configure(recipe or "best-noisy", changes)
    store = FeatureStore.open(features or FEATURES)
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
