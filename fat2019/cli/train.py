"""From a feature store to a trained run: `train`, `relabel`, and what can be trained: `recipes`, `models`."""

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.configuration import read_configuration
from fat2019.cli.fields import recipe_options
from fat2019.cli.loading import SOUNDS_OR_STORE, STORE, require_files_of, require_folder_place, require_there
from fat2019.cli.options import FEATURES, PATH, as_json
from fat2019.cli.output import epoch_line, print_result, say_epoch, say_what_was_found
from fat2019.config.recipe import Recipe
from fat2019.config.recipes import OURS, RECIPES, configure, recipe_of
from fat2019.experiments.choice import choose_recipe, fitted
from fat2019.utils.files import require_place
from fat2019.utils.printable import counted
from fat2019.utils.progress import progress
from fat2019.utils.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from fat2019.runs.run import Run
    from fat2019.store.reader import FeatureStore

log = logging.getLogger(__name__)


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
@options.layout
@options.recipe
@options.config
@recipe_options()
@click.option("--own-folds", is_flag=True, help="Cross-validate over the data set's own folds, in RUN/fold-1, ...")
@as_json
def train(
    sounds: Path | None,
    features: Path | None,
    run: Path | None,
    layout: str | None,
    recipe: str | None,
    config: Path | None,
    own_folds: bool,
    json_: bool,
    **changes: Any,
) -> None:
    """Train a network on SOUNDS: a feature store, or a folder of sounds, whose features are built first.

    Features of a folder go to features/NAME, or to features/NAME-yamnet for YAMNet, and the report page to the run's
    folder. A store may also be given as --features instead of SOUNDS. Without --recipe or --model, a suitable recipe is
    chosen. The defaults below are those of the recipe best. Run the same command again to resume from the last finished
    epoch.
    """
    if sounds is not None and features is not None:
        raise click.UsageError("give SOUNDS or --features, not both")
    if own_folds and (changes["folds"] or changes["validate_on_fold"]):
        raise click.UsageError("--own-folds, --folds and --validate-on-fold exclude each other")
    base = read_configuration(config) if config else None
    source = sounds or features or FEATURES
    require_there(STORE if sounds is None else SOUNDS_OR_STORE, source)
    is_named = recipe is not None or base is not None or changes["name"] is not None
    if is_named:  # else the store has a say in the recipe
        require_files_of(configure(recipe, changes, base))
    from fat2019.store.reader import FeatureStore

    store = None if sounds is not None and _is_folder_of_sounds(sounds) else FeatureStore.open(source)
    if layout is not None and store is not None:
        raise click.UsageError(f"--layout is for a folder of sounds, and {source} is a feature store")
    name = recipe
    if not is_named:
        choice = choose_recipe(store.config if store else None)
        log.info("recipe %s: %s", choice.recipe, choice.reason)
        name = choice.recipe
    training = configure(name, changes, base)
    called = name or changes["name"] or (config.stem if config else "")
    path = run or Path("runs") / "-".join([*([sounds.resolve().name] if sounds else []), called])
    require_folder_place(path)
    if not is_named:  # of a recipe that was chosen, with the options
        require_files_of(training)
    store = store or _built(source, layout, RECIPES[recipe_of(training.model.name)].features)
    if recipe is None and base is None:
        training = fitted(training, store, changes)
    load_tensorflow()
    from fat2019.scoring.cross_validation import cross_validation
    from fat2019.scoring.trust import caution
    from fat2019.training.partition import own_folds as folds_of
    from fat2019.training.trainer import train as fit
    from fat2019.training.trainer import train_folds, train_own_folds

    epochs = [stage.epochs for stage in training.stages]
    if own_folds or (training.folds and changes["fold"] is None):
        fit_all = train_own_folds if own_folds else train_folds
        runs = fit_all(store, training, path, epoch_line(epochs, of=" of this fold"))
        result, lines = cross_validation(runs)
        print_result(result, json_, [*(_trained(one) for one in runs), *lines])
        return
    trained = fit(store, training, path, epoch_line(epochs))
    result, lines = {"run": str(path), **trained.metrics}, [_trained(trained)]
    lines += filter(None, [caution(trained.metrics["validation"], folds_of(store.clips["fold"]))])
    if sounds is not None:
        page = _page_of(path)
        result |= {"store": str(store.path), "page": str(page)}
        lines += [f"page of the run: {page}", f"next: fat2019 tag {shlex.quote(str(path))} FILE..."]
    print_result(result, json_, lines)


def _is_folder_of_sounds(path: Path) -> bool:
    from fat2019.experiments.sounds import is_store

    return path.is_dir() and not is_store(path)


def _built(sounds: Path, layout: str | None, configuration: str) -> "FeatureStore":
    """The store of a folder of sounds, with what is missing of it built."""
    from fat2019.data.data_set import find_data_set
    from fat2019.experiments.sounds import build_store, store_place
    from fat2019.store.reader import FeatureStore

    data_set = find_data_set(sounds, layout=layout)
    say_what_was_found(data_set)
    place = store_place(sounds, configuration)
    with progress("clips") as show:
        summary = build_store(data_set, place, configuration, show)
    log.info("%s: %s of %s", place, counted(summary.clips, "clip"), sounds)
    for fname, reason in summary.quarantined:
        log.warning("left out: %s: %s", fname, reason)
    return FeatureStore.open(place)


def _page_of(run: Path) -> Path:
    """Write the page of a finished run."""
    from fat2019.pages.report import report

    page = run / "report.html"
    with progress("clips") as show:
        report([run], page, progress=show)
    return page


def _trained(run: "Run") -> str:
    validation, epochs = run.metrics["validation"], run.metrics["epochs"]
    return (
        f"{run.path}: LWLRAP on validation {validation['lwlrap']:.4f} ({counted(validation['clips'], 'clip')}, "
        f"{validation['windows']} windows), {counted(epochs, 'epoch')} in "
        f"{run.metrics['seconds']:.0f} s"
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
    help="Number of folds of the noisy clips; each is scored by a network trained on the others.",
)
@options.recipe
@options.config
@recipe_options(leave_out=_DECIDED)
@as_json
def relabel(
    features: Path | None,
    out: Path,
    work: Path,
    parts: int,
    recipe: str | None,
    config: Path | None,
    json_: bool,
    **changes: Any,
) -> None:
    """Estimate the confidence of noisy labels with networks not trained on those clips, for `train --relabel`.

    The file has each clip's scores, how far its labels agree with them, and what to do with it: keep, drop, or train on
    the mean of labels and scores (soft). The default recipe is best-noisy. Curated clips that `train` with the same
    --seed holds out are not used, so its validation score stays honest; this does not hold for `train` with --folds or
    another --validation-share. Run the same command again to resume from the last finished epoch.
    """
    from fat2019.store.reader import FeatureStore

    require_place(out)
    require_folder_place(work)
    base = read_configuration(config) if config else None
    training = configure(recipe or (None if base else "best-noisy"), changes, base)
    store = FeatureStore.open(features or FEATURES)
    require_files_of(training)
    load_tensorflow()
    from fat2019.training.relabel import relabel as judge

    table = judge(store, training, out, work, folds=parts, on_epoch=say_epoch)
    uses = {use: int((table["use"] == use).sum()) for use in ("keep", "soft", "drop")}
    agreement = float(table["agreement"].mean())
    print_result(
        {"out": str(out), "clips": len(table), "uses": uses, "mean_agreement": agreement},
        json_,
        [f"{out}: {counted(len(table), 'clip')}: " + ", ".join(f"{use} {count}" for use, count in uses.items())],
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
    """List the recipes: our own, and those of the report's tables and figures.

    Numbers in brackets refer to the decisions listed at the end, made where the report is silent or differs from the
    code that it cites.
    """
    decisions = list(dict.fromkeys(one for recipe in RECIPES.values() for one in recipe.decisions))
    print_result(
        {
            "recipes": [
                {**vars(recipe), "config": recipe.config.to_plain(), "decisions": recipe.decisions}
                for recipe in RECIPES.values()
            ]
        },
        json_,
        [
            *(_recipe_line(recipe, decisions) for recipe in RECIPES.values()),
            "",
            *(f"[{number}] {decision}" for number, decision in enumerate(decisions, start=1)),
        ],
    )


def _recipe_line(recipe: Recipe, decisions: Sequence[str]) -> str:
    where = "ours" if recipe.experiment == OURS else recipe.experiment.replace("-", " ")
    reported = ", ".join(f"{name} {value}" for name, value in recipe.reported.items())
    numbers = ", ".join(str(decisions.index(one) + 1) for one in recipe.decisions)
    return (
        f"{recipe.name:<36} {where}: {recipe.row}"
        + (f" ({reported})" if reported else "")
        + (f" [{numbers}]" if numbers else "")
    )


@click.command(
    "models",
    cls=Command,
    examples="""
    fat2019 models
    fat2019 models --classes 10
    """,
)
@click.option("--classes", type=click.IntRange(1), default=80, help="Number of classes.")
@as_json
def models(classes: int, json_: bool) -> None:
    """List networks and heads with their parameter counts, and the recipe that `train --model NETWORK` starts from."""
    from fat2019.models.parameters import list_models

    rows = list_models(classes)
    print_result(
        {"models": rows},
        json_,
        [
            f"{'model':<18} {'head':<6} {'total':>12} {'trainable':>12} {'frozen':>12}  {'input':<8}  recipe",
            *(
                f"{row['model']:<18} {row['head']:<6} {row['total']:>12,} {row['trainable']:>12,} "
                f"{row['frozen']:>12,}  {'x'.join(map(str, row['input_shape'])):<8}  {row['recipe']}"
                for row in rows
            ),
        ],
    )
