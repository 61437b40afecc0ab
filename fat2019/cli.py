"""The command line: options in, calls to the other modules, results out; nothing is computed here.

Results go to standard output, everything else to standard error. With ``--json`` standard output holds one JSON object.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

import contextlib
import dataclasses
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from fat2019 import DataError
from fat2019.config import DTYPES, SPLITS, FeatureConfig
from fat2019.console import progress

Windows = Literal["tiled", "max-energy"]
Mean = Literal["arithmetic", "geometric"]
FORMATS = {"hdf5": ("hdf5",), "tfrecord": ("tfrecord",), "both": ("hdf5", "tfrecord")}
EXISTING_STORE = click.Path(path_type=Path)
SCALES = {"small": 0.1, "full": 1.0}  # of a reproduction

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON object on standard output, nothing else.")


class _BadInput(click.ClickException):
    """Something outside the program is wrong."""

    exit_code = 2


class _Interrupted(click.ClickException):
    """Ctrl-C."""

    exit_code = 130


class _Group(click.Group):
    """Turns what is wrong outside the program into one line and an exit status."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DataError as error:
            raise _BadInput(str(error)) from error
        except KeyboardInterrupt as error:
            raise _Interrupted("interrupted; the same command goes on from what is finished") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="fat2019")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is done.")
def main(quiet: bool, verbose: bool) -> None:
    """Tag sounds: features once, training fast, for Freesound Audio Tagging 2019 and data sets shaped like it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "2")
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("fat2019").setLevel(level)


def _splits(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    unknown = [name for name in names if name not in SPLITS]
    if unknown or not names:
        raise click.BadParameter(f"expected some of {','.join(SPLITS)}, received {value!r}")
    return names


@main.command("demo")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo"), help="Folder for everything that is made."
)
@click.option("--epochs", type=click.IntRange(1), default=25, help="Epochs of training.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of the sounds and of the training.")
@as_json
def demo(out: Path, epochs: int, seed: int, json_: bool) -> None:
    """Make a small synthetic data set, and do the whole job on it: features, training, submission, score."""
    from fat2019.demo import run_demo

    result = run_demo(out, epochs=epochs, seed=seed, progress=progress, report=_epoch_line(epochs))
    _print(
        result,
        json_,
        [
            f"LWLRAP on validation {result['validation_lwlrap']:.4f}, on test {result['test_lwlrap']:.4f} "
            f"(by chance {result['chance_lwlrap']:.4f})",
            f"submission: {result['submission']}",
            f"in {result['seconds']:.0f} s",
        ],
    )


@main.command("build-features")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("features/fat2019"), help="The store's folder.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="hdf5",
    help="HDF5 shards are held in memory for training, TFRecord shards can be streamed.",
)
@click.option("--dtype", type=click.Choice(DTYPES), default="uint8", help="How log-mels are stored.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes.  [default: one a core]")
@click.option(
    "--scheduler",
    default=None,
    metavar="ADDRESS",
    help="Build on the workers of a dask scheduler, such as tcp://10.0.0.1:8786.",
)
@click.option(
    "--splits", callback=_splits, default=None, help="Some of curated,noisy,test.  [default: those there are]"
)
@click.option("--keep-known-bad", is_flag=True, help="Keep the curated clips that are known to be wrongly labelled.")
@click.option("--strict", is_flag=True, help="Stop at the first clip that cannot be used, instead of leaving it out.")
@click.option("--repair", is_flag=True, help="Rebuild the shards that are missing or damaged.")
@as_json
def build_features(
    data: Path,
    out: Path,
    format_: str,
    dtype: str,
    workers: int | None,
    scheduler: str | None,
    splits: tuple[str, ...] | None,
    keep_known_bad: bool,
    strict: bool,
    repair: bool,
    json_: bool,
) -> None:
    """Turn the WAV files of DATA into a feature store: desilenced 16 kHz audio and log-mels.

    DATA is a folder in Kaggle's layout (train_curated/, train_curated.csv, ...) or Zenodo's. A build that was
    interrupted goes on when started again; one that is up to date says so.
    """
    from fat2019.build import build_features as build
    from fat2019.clips import find_data_set

    if scheduler:  # whose workers have another working directory
        data, out = data.resolve(), out.resolve()
    data_set = find_data_set(data, splits=splits, keep_known_bad=keep_known_bad)
    _say_left_out(data_set.left_out)
    with progress("clips") as show, _executor(scheduler) as executor:
        summary = build(
            data_set,
            out,
            FeatureConfig(dtype=dtype),
            formats=FORMATS[format_],
            workers=workers,
            executor=executor,
            strict=strict,
            repair=repair,
            progress=show,
        )
    result = dataclasses.asdict(summary)
    if summary.up_to_date:
        lines = [f"{out}: up to date, {summary.clips} clips"]
    else:
        lines = [
            f"{out}: {summary.clips} clips in {summary.seconds:.1f} s; shards: {summary.shards_built} built, "
            f"{summary.shards_reused} kept, {summary.shards_removed} removed",
            f"audio {summary.audio_seconds_before / 3600:.2f} h, without silence "
            f"{summary.audio_seconds_after / 3600:.2f} h",
        ]
    lines += [f"left out: {fname}: {reason}" for fname, reason in summary.quarantined]
    _print(result, json_, lines)


@main.command("info")
@click.argument("store", type=EXISTING_STORE)
@click.option("--validation-share", type=float, default=0.2, help="Of the curated clips, for the report of balance.")
@click.option("--balance", is_flag=True, help="Also print each class's clips, and its share in validation.")
@as_json
def info(store: Path, validation_share: float, balance: bool, json_: bool) -> None:
    """Say what a feature STORE holds, and how evenly the iterative and the plain split would divide its labels."""
    from fat2019.describe import describe, describe_balance
    from fat2019.store import FeatureStore

    opened = FeatureStore.open(store)
    result, lines = describe(opened)
    if balance:
        result["balance"], more = describe_balance(opened, validation_share)
        lines += more
    _print(result, json_, lines)


@main.command("verify")
@click.argument("store", type=EXISTING_STORE)
@click.option("--deep", is_flag=True, help="Also decode every clip and compute its features again.")
@as_json
def verify(store: Path, deep: bool, json_: bool) -> None:
    """Check every file of a STORE against its checksum; exit status 1 if anything is wrong."""
    from fat2019.verify import verify as check

    problems = check(store, deep=deep)
    _print(
        {"store": str(store), "problems": [dataclasses.asdict(problem) for problem in problems]},
        json_,
        [": ".join(str(part) for part in dataclasses.astuple(problem) if part) for problem in problems]
        or [f"{store}: no damage found"],
    )
    if problems:
        sys.exit(1)


def _train_options(command: Callable) -> Callable:
    """The options that change one field of a recipe. None means: as the recipe has it."""
    options = [
        click.option(
            "--model", "name", default=None, help="simple, resnet50, mobilenetv2, ... (see: models).  [default: simple]"
        ),
        click.option(
            "--head",
            type=click.Choice(["dense", "conv", "mlp"]),
            default=None,
            help="Layers on the backbone.  [default: dense]",
        ),
        click.option("--weights", default=None, help="Of the backbone: imagenet, none or a file.  [default: imagenet]"),
        click.option(
            "--trainable",
            type=click.Choice(["none", "top", "all"]),
            default=None,
            help="Part of the backbone that is trained.  [default: none]",
        ),
        click.option(
            "--kernel-size", type=click.IntRange(1), default=None, help="Of the simple network.  [default: 3]"
        ),
        click.option(
            "--dropout", type=float, default=None, help="Share dropped before the last layer.  [default: 0.5]"
        ),
        click.option(
            "--splits",
            callback=_splits,
            default=None,
            help="Clips to train on: curated, noisy or both.  [default: curated]",
        ),
        click.option("--epochs", type=click.IntRange(1), default=None, help="Of each stage.  [default: 50]"),
        click.option(
            "--batch-size", "batch_windows", type=click.IntRange(1), default=None, help="Windows a step.  [default: 64]"
        ),
        click.option("--lr", "learning_rate", type=float, default=None, help="Learning rate.  [default: 0.002]"),
        click.option("--optimizer", type=click.Choice(["adam", "adamw", "sgd"]), default=None, help="[default: adam]"),
        click.option(
            "--schedule",
            type=click.Choice(["constant", "cosine"]),
            default=None,
            help="Of the learning rate; cosine warms up for 5% of the steps.  [default: cosine]",
        ),
        click.option("--spec-augment/--no-spec-augment", default=None, help="Hide bands and frames.  [default: no]"),
        click.option("--policy", default=None, help="SpecAugment policy: ours, LB, LD, SM or SS.  [default: ours]"),
        click.option(
            "--mixup",
            "mixup_alpha",
            type=float,
            default=None,
            metavar="ALPHA",
            help="MixUp with Beta(ALPHA, ALPHA); 0 is off.  [default: 0]",
        ),
        click.option(
            "--augment",
            type=click.Choice(["all", "double-curated"]),
            default=None,
            help="Augment every window, or use each curated clip twice, once raw.  [default: all]",
        ),
        click.option(
            "--candidates",
            type=click.IntRange(1),
            default=None,
            help="Random windows of which the loudest is taken.  [default: 3]",
        ),
        click.option(
            "--noisy-weight",
            type=float,
            default=None,
            help="Uses of a noisy clip for one of a curated clip.  [default: 1]",
        ),
        click.option(
            "--class-balanced/--no-class-balanced",
            default=None,
            help="Draw clips of rare classes more often.  [default: no]",
        ),
        click.option(
            "--reader",
            type=click.Choice(["auto", "memory", "stream"]),
            default=None,
            help="Hold log-mels in memory or stream TFRecord shards.  [default: auto]",
        ),
        click.option(
            "--validation-share", type=float, default=None, help="Of the curated clips, held out.  [default: 0.2]"
        ),
        click.option(
            "--early-stopping",
            "early_stopping_epochs",
            type=click.IntRange(0),
            default=None,
            help="Epochs without a better validation LWLRAP; 0 is off.  [default: 0]",
        ),
        click.option(
            "--clip-norm", type=float, default=None, help="Largest norm of a gradient; 0 is off.  [default: 0]"
        ),
        click.option(
            "--precision",
            type=click.Choice(["float32", "mixed_float16", "mixed_bfloat16"]),
            default=None,
            help="[default: float32]",
        ),
        click.option("--jit/--no-jit", default=None, help="Compile the training step with XLA.  [default: no]"),
        click.option(
            "--devices",
            type=click.IntRange(1),
            default=None,
            help="GPUs (or CPUs) of this machine to train on.  [default: 1]",
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=None, help="Of split, weights, batches and dropout.  [default: 0]"
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command("train")
@click.option("--features", type=EXISTING_STORE, default=Path("features/fat2019"), help="The feature store.")
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    default=None,
    help="The run's folder.  [default: runs/MODEL or runs/RECIPE]",
)
@click.option(
    "--recipe", default=None, help="A named configuration (see: recipes), of which options change single fields."
)
@_train_options
@as_json
def train(features: Path, run: Path | None, recipe: str | None, json_: bool, **options: Any) -> None:
    """Train a network on a feature store.

    A run that was interrupted goes on from its last finished epoch when the same command is given again.
    """
    from fat2019.recipes import configure
    from fat2019.store import FeatureStore
    from fat2019.training import train as fit

    config = configure(recipe, options)
    path = run or Path("runs") / (recipe or config.model.name)
    with _log_file(path):
        trained = fit(
            FeatureStore.open(features), config, path, _epoch_line(sum(stage.epochs for stage in config.stages))
        )
    metrics = trained.metrics
    _print(
        {"run": str(path), **metrics},
        json_,
        [
            f"{path}: LWLRAP on validation {metrics['validation']['lwlrap']:.4f} "
            f"({metrics['validation']['clips']} clips, {metrics['validation']['windows']} windows), "
            f"{metrics['epochs']} epochs in {metrics['seconds']:.0f} s",
        ],
    )


@main.command("recipes")
@as_json
def recipes(json_: bool) -> None:
    """List the named configurations: the rows of the report's tables and the curves of its figures."""
    from fat2019.recipes import RECIPES

    _print(
        {"recipes": [dataclasses.asdict(recipe) for recipe in RECIPES.values()]},
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


def _scale(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return SCALES[value] if value in SCALES else float(value)
    except ValueError as error:
        raise click.BadParameter(f"expected {', '.join(SCALES)} or a number, received {value!r}") from error


@main.command("reproduce")
@click.argument("table")
@click.option("--features", type=EXISTING_STORE, default=Path("features/fat2019"), help="The feature store.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
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
@click.option("--seeds", type=click.IntRange(1), default=1, help="Runs of each row; the table shows their mean.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    default=None,
    help="CSV (fname,labels) of the test clips' labels, for table-7.1.",
)
@as_json
def reproduce(
    table: str,
    features: Path,
    out: Path | None,
    scale: float,
    weights: str | None,
    seeds: int,
    truth: Path | None,
    json_: bool,
) -> None:
    """Train the rows of a TABLE of the report, such as table-6.5, and set the results beside its own.

    A table that was interrupted goes on when the same command is given again; finished rows are kept.
    """
    from fat2019.reproduce import reproduce as run
    from fat2019.store import FeatureStore

    path = out or Path("reproduced") / table
    with _log_file(path):
        result = run(
            table,
            FeatureStore.open(features),
            path,
            scale=scale,
            weights=weights,
            seeds=seeds,
            truth=truth,
            report=_say_epoch,
        )
    _print({name: value for name, value in result.items() if name != "markdown"}, json_, [result["markdown"]])


def _repeatable(command: Callable) -> Callable:
    """Let options be given more than once; a flag has no values to try."""
    for option in command.__click_params__:  # type: ignore[attr-defined]
        if option.is_flag:
            continue
        option.multiple, option.default = True, ()
        if (one := option.callback) is not None:
            option.callback = lambda context, parameter, values, one=one: tuple(
                one(context, parameter, value) for value in values
            )
    return command


@main.command("sweep")
@as_json
@click.option("--features", type=EXISTING_STORE, default=Path("features/fat2019"), help="The feature store.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("sweep"), help="Folder for runs and table.")
@click.option(
    "--recipe", default=None, help="A named configuration (see: recipes), of which options change single fields."
)
@_repeatable
@_train_options
def sweep(features: Path, out: Path, recipe: str | None, json_: bool, **options: Any) -> None:
    """Train every combination of options given more than once, such as --lr 1e-3 --lr 3e-4 --kernel-size 3.

    A sweep that was interrupted goes on when the same command is given again; finished runs are kept.
    """
    from fat2019.recipes import configure
    from fat2019.store import FeatureStore
    from fat2019.sweep import sweep as run
    from fat2019.sweep import to_markdown

    fixed = {name: value for name, value in options.items() if not isinstance(value, tuple)}
    grid = {name: values for name, values in options.items() if isinstance(values, tuple) and values}
    with _log_file(out):
        rows = run(FeatureStore.open(features), configure(recipe, fixed), grid, out, _say_epoch)
    varying = [name for name, values in grid.items() if len(values) > 1]
    _print({"runs": rows}, json_, [to_markdown(rows, varying)])


def _say_epoch(row: dict[str, Any]) -> None:
    logging.getLogger("fat2019").info(
        "stage %d, epoch %d: LWLRAP %.4f, on validation %.4f; %.1f s",
        row["stage"],
        row["epoch"],
        row["lwlrap"],
        row["val_lwlrap"],
        row["seconds"],
    )


@main.command("models")
@click.option("--classes", type=click.IntRange(1), default=80, help="Outputs.")
@as_json
def models(classes: int, json_: bool) -> None:
    """List every network and head with its parameters."""
    from fat2019.models import list_models

    rows = list_models(classes)
    _print(
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


@main.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--truth", type=click.Path(path_type=Path), default=None, help="CSV (fname,labels) of the test clips' labels."
)
@click.option(
    "--features", type=EXISTING_STORE, default=None, help="The feature store.  [default: the one of the training]"
)
@click.option(
    "--windows",
    type=click.Choice(["tiled", "max-energy"]),
    default="tiled",
    help="All of a clip, or its loudest window.",
)
@as_json
def evaluate(run: Path, truth: Path | None, features: Path | None, windows: Windows, json_: bool) -> None:
    """Score a RUN by LWLRAP: on its validation clips, and on test clips whose labels are known."""
    from fat2019.evaluation import evaluate_run

    with progress("clips") as show:
        result = evaluate_run(run, truth=truth, features=features, windows=windows, progress=show)
    _print(
        {"run": str(run), "windows": windows, **result},
        json_,
        [f"{run}: LWLRAP on {name} {part['lwlrap']:.4f} ({part['clips']} clips)" for name, part in result.items()],
    )


@main.command("predict")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("submission.csv"), help="The file to write.")
@click.option(
    "--sample",
    type=click.Path(path_type=Path),
    default=None,
    help="sample_submission.csv, whose rows and columns are to be matched.",
)
@click.option(
    "--features", type=EXISTING_STORE, default=None, help="The feature store.  [default: the one of the training]"
)
@click.option(
    "--windows",
    type=click.Choice(["tiled", "max-energy"]),
    default="tiled",
    help="All of a clip, or its loudest window.",
)
@click.option(
    "--mean",
    type=click.Choice(["arithmetic", "geometric"]),
    default="arithmetic",
    help="Of windows, and of several runs.",
)
@click.option(
    "--weight", "weights", type=float, multiple=True, help="Of each run, in their order.  [default: all alike]"
)
@as_json
def predict(
    runs: tuple[Path, ...],
    out: Path,
    sample: Path | None,
    features: Path | None,
    windows: Windows,
    mean: Mean,
    weights: tuple[float, ...],
    json_: bool,
) -> None:
    """Score the test clips with one or more RUNS, and write a submission of their mean."""
    from fat2019.evaluation import predict_test
    from fat2019.submission import write_submission

    began = time.monotonic()
    with progress("clips") as show:
        fnames, scores, vocabulary = predict_test(
            runs, features=features, windows=windows, mean=mean, weights=weights, progress=show
        )
    write_submission(out, fnames, scores, vocabulary, sample)
    _print(
        {
            "submission": str(out),
            "clips": len(fnames),
            "runs": [str(run) for run in runs],
            "seconds": round(time.monotonic() - began, 1),
        },
        json_,
        [f"{out}: {len(fnames)} clips, {len(vocabulary)} classes, mean of {len(runs)} run(s)"],
    )


@main.command("explore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("explore.html"), help="The page to write.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=None,
    help="The data set that a store was built from, to show clips as recorded.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for the figures as SVG and PNG files.  [default: none]",
)
@click.option("--examples", type=click.IntRange(0), default=3, help="Clips of each part to show.")
@click.option(
    "--validation-share", type=float, default=0.2, help="Of the curated clips, for the balance of the splits."
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the choice of clips and windows.")
@as_json
def explore(
    source: Path,
    out: Path,
    data: Path | None,
    figures: Path | None,
    examples: int,
    validation_share: float,
    seed: int,
    json_: bool,
) -> None:
    """Make a page on which to see and hear SOURCE, a feature store or a data set."""
    from fat2019.explore import explore as run

    with progress("clips") as show:
        result = run(
            source,
            out,
            data=data,
            figures_folder=figures,
            examples=examples,
            validation_share=validation_share,
            seed=seed,
            progress=show,
        )
    _print(result, json_, [f"{out}: {result['clips']:,} clips, {result['classes']} classes, {result['hours']:.2f} h"])


@main.command("report")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("report.html"), help="The page to write.")
@click.option(
    "--features", type=EXISTING_STORE, default=None, help="The feature store.  [default: the one of the training]"
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for the figures as SVG and PNG files.  [default: none]",
)
@as_json
def report(runs: tuple[Path, ...], out: Path, features: Path | None, figures: Path | None, json_: bool) -> None:
    """Make a page on one or more finished RUNS: curves, scores by class, mistakes to see and hear, their ensemble."""
    from fat2019.report import report as run

    with progress("clips") as show:
        result = run(runs, out, features=features, figures_folder=figures, progress=show)
    lines = [f"{row['name']}: LWLRAP {row['held_out']:.4f}" for row in result["runs"]]
    if result["ensemble"] is not None:
        lines.append(f"mean of the runs: LWLRAP {result['ensemble']:.4f}")
    _print(result, json_, [f"{out}: {result['clips']} {result['split']} clips held out", *lines])


@main.command("tag")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(1), default=5, help="Tags of each file.")
@click.option(
    "--timeline",
    type=click.Path(path_type=Path),
    default=None,
    metavar="PNG",
    help="Draw the scores along the time of one file; pauses are kept, so that the times are the file's.",
)
@as_json
def tag(run: Path, files: tuple[str, ...], top: int, timeline: Path | None, json_: bool) -> None:
    """Tag FILES by a trained RUN: audio files of any rate and length, folders, or patterns such as 'sounds/**/*.ogg'.

    Each file is treated as a test clip: its silences are removed, and the scores of all its windows averaged. A file
    that cannot be used is named on standard error; the others are tagged, and the exit status is 2 at the end.
    """
    if timeline and (len(files) > 1 or Path(files[0]).is_dir()):
        raise DataError(f"{timeline}: a timeline is of one file: give a single one")
    from fat2019.runs import Run
    from fat2019.tagging import Tagger, draw_timeline, find_audio

    tagger = Tagger(Run.open(run))
    failures: list[dict[str, str]] = []

    def failed(path: Path, reason: str) -> None:
        failures.append({"file": str(path), "reason": reason})
        click.echo(f"not tagged: {reason}", err=True)

    show = _JsonTags(run) if json_ else _tag_lines
    for file in tagger.tag(find_audio(files, failed), failed):
        row = {
            "file": str(file.path),
            "seconds": file.seconds,
            "seconds_without_silence": file.seconds_without_silence,
            "tags": [{"label": label, "score": score} for label, score in tagger.top(file.scores, top)],
        }
        if timeline:
            row["timeline"] = draw_timeline(tagger.along(file.path), tagger.vocabulary, timeline, top)
        show(row)
    if isinstance(show, _JsonTags):
        show.end(failures)
    if failures:
        click.echo(f"{len(failures)} not tagged", err=True)
        sys.exit(2)


class _JsonTags:
    """One JSON object, written as it comes: there may be more files than memory has room for."""

    def __init__(self, run: Path) -> None:
        click.echo(f'{{"run": {json.dumps(str(run))}, "files": [', nl=False)
        self._separator = "\n"

    def __call__(self, row: dict[str, Any]) -> None:
        click.echo(self._separator + json.dumps(row), nl=False)
        self._separator = ",\n"

    def end(self, failures: list[dict[str, str]]) -> None:
        click.echo(f'\n], "not_tagged": {json.dumps(failures)}}}')


def _tag_lines(row: dict[str, Any]) -> None:
    """A table on a terminal; elsewhere a line a tag: file, label and score, between tabs."""
    if not sys.stdout.isatty():
        for tag in row["tags"]:
            click.echo(f"{row['file']}\t{tag['label']}\t{tag['score']:.4f}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(f"{row['file']} ({row['seconds']:.1f} s)"), title_justify="left", box=None, show_header=False
    )
    for tag in row["tags"]:
        table.add_row(Text(tag["label"]), f"{tag['score']:.4f}", Text("█" * round(20 * tag["score"]), style="blue"))
    Console().print(table)


@main.command("serve")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65535), default=7860, help="Of the page, on 127.0.0.1.")
def serve(run: Path, port: int) -> None:
    """Show a web page on this machine that tags what is dropped or recorded there, by a trained RUN (extra [app])."""
    from fat2019.app import ADDRESS
    from fat2019.app import serve as show

    click.echo(f"http://{ADDRESS}:{port}, until it is interrupted (Ctrl-C)", err=True)
    show(run, port)


@main.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    type=click.Choice(["saved_model", "tflite", "onnx"]),
    default="saved_model",
    help="onnx needs the extra [onnx].",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="File, or folder of a saved_model.  [default: RUN/export/ and a name by kind]",
)
@as_json
def export(run: Path, form: str, out: Path | None, json_: bool) -> None:
    """Write the network of a RUN as one file or folder that turns a waveform into scores, without this package.

    It takes a waveform, float32 in -1..1, mono, at the run's sample rate, and returns a score for each class; log-mel
    and windows are part of it, silence removal is not.
    """
    from fat2019.export import export as run_export
    from fat2019.runs import Run

    result = run_export(Run.open(run), form, out)
    _print(
        result,
        json_,
        [
            f"{result['path']}: {result['bytes'] / 1e6:.2f} MB; float32 (samples,) at "
            f"{result['sample_rate_hz']} Hz -> float32 ({result['classes']},)",
            f"class names: {result['labels']}",
        ],
    )


@main.command("average")
@click.argument("submissions", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("submission.csv"), help="The file to write.")
@click.option("--mean", type=click.Choice(["arithmetic", "geometric"]), default="arithmetic", help="Which mean.")
@click.option(
    "--weight", "weights", type=float, multiple=True, help="Of each file, in their order.  [default: all alike]"
)
def average(submissions: tuple[Path, ...], out: Path, mean: Mean, weights: tuple[float, ...]) -> None:
    """Average SUBMISSIONS, from their CSV files alone."""
    from fat2019.submission import average_files

    average_files(submissions, out, mean, weights or None)
    click.echo(f"{out}: mean of {len(submissions)} submissions")


@contextlib.contextmanager
def _log_file(run: Path) -> Iterator[None]:
    """Say what is said into the run's log.txt as well."""
    run.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(run / "log.txt", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("fat2019").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("fat2019").removeHandler(handler)
        handler.close()


def _executor(scheduler: str | None) -> contextlib.AbstractContextManager[Any]:
    if scheduler is None:
        return contextlib.nullcontext()
    from fat2019.cluster import scheduler_executor

    return scheduler_executor(scheduler)


def _print(result: dict[str, Any], json_: bool, lines: Sequence[str]) -> None:
    click.echo(json.dumps(result, indent=2, default=str) if json_ else "\n".join(lines))


def _say_left_out(left_out: Sequence[tuple[str, str]]) -> None:
    by_reason: dict[str, list[str]] = {}
    for fname, reason in left_out:
        by_reason.setdefault(reason, []).append(fname)
    for reason, fnames in by_reason.items():
        more = f" and {len(fnames) - 5} more" if len(fnames) > 5 else ""
        click.echo(f"left out, {reason}: {', '.join(fnames[:5])}{more}", err=True)


def _epoch_line(epochs: int) -> Callable[[dict[str, Any]], None]:
    """A line an epoch on standard error, with an ETA."""
    done = [0, 0.0]

    def show(row: dict[str, Any]) -> None:
        done[0] += 1
        done[1] += row["seconds"]
        left = done[1] / done[0] * (epochs - row["epoch"])
        logging.getLogger("fat2019").info(
            "epoch %d: loss %.4f, LWLRAP %.4f; validation: loss %.4f, LWLRAP %.4f; %.1f s, about %.0f s left",
            row["epoch"],
            row["loss"],
            row["lwlrap"],
            row["val_loss"],
            row["val_lwlrap"],
            row["seconds"],
            max(left, 0),
        )

    return show
