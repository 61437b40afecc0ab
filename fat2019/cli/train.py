"""From a feature store to a trained run: `train`, `relabel`, and what can be trained: `recipes`, `models`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.options import PATH, as_json, some_splits
from fat2019.cli.output import TensorFlowCommand, epoch_line, print_result, say_epoch
from fat2019.files import require_place

if TYPE_CHECKING:
    from fat2019.runs import Run


def train_options(command: Callable) -> Callable:
    """The options that change one field of a recipe. None means: as the recipe has it."""
    changes = [
        click.option(
            "--model", "name", default=None, help="simple, compact, resnet50, ... (see: models).  [default: simple]"
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
            "--width",
            type=click.IntRange(1),
            default=None,
            help="Channels the compact network begins with.  [default: 24]",
        ),
        click.option(
            "--pooling",
            type=click.Choice(["mean", "mean+max", "attention"]),
            default=None,
            help="Of the compact network, over time.  [default: mean]",
        ),
        click.option(
            "--standardise/--no-standardise",
            default=None,
            help="Give the compact network windows of mean 0 and deviation 1.  [default: yes]",
        ),
        click.option(
            "--frequency-map/--no-frequency-map",
            default=None,
            help="Tell the compact network how high each band lies.  [default: no]",
        ),
        click.option(
            "--splits",
            callback=some_splits,
            default=None,
            help="Clips to train on: curated, noisy or both.  [default: curated]",
        ),
        click.option(
            "--epochs",
            type=click.IntRange(1),
            default=None,
            help="Of the last stage; those before it change in proportion.  [default: 50]",
        ),
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
        click.option("--weight-decay", type=float, default=None, help="Of adamw.  [default: 0.004]"),
        click.option(
            "--loss", type=click.Choice(["cross-entropy", "lsep"]), default=None, help="[default: cross-entropy]"
        ),
        click.option(
            "--focal-gamma",
            type=float,
            default=None,
            help="Weigh what is learnt already down by this power.  [default: 0]",
        ),
        click.option(
            "--label-smoothing", type=float, default=None, help="Share of a label moved to one half.  [default: 0]"
        ),
        click.option(
            "--bootstrap",
            type=float,
            default=None,
            help="Share of a label that is the network's own score, for wrong labels.  [default: 0]",
        ),
        click.option(
            "--keep", type=click.Choice(["best", "last"]), default=None, help="Epoch that is kept.  [default: best]"
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
            "--mix-sounds",
            "mix_share",
            type=float,
            default=None,
            metavar="SHARE",
            help="Add another sound, with its labels, to this share of the windows.  [default: 0]",
        ),
        click.option(
            "--mix-level",
            "mix_level_db",
            type=float,
            default=None,
            metavar="DB",
            help="Decibels by which such sounds differ at most.  [default: 0]",
        ),
        click.option(
            "--mix-in-turn",
            type=float,
            default=None,
            metavar="SHARE",
            help="Of such windows, in which the sounds are heard one after the other.  [default: 0]",
        ),
        click.option(
            "--shift-bands",
            type=click.IntRange(0),
            default=None,
            help="Move windows up or down by as many mel bands at most.  [default: 0]",
        ),
        click.option(
            "--stretch-bands",
            type=float,
            default=None,
            metavar="SHARE",
            help="Spread or narrow the spectra of windows by this share at most.  [default: 0]",
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
            "--validation-share",
            type=float,
            default=None,
            help="Of the clips to validate on, held out.  [default: 0.2]",
        ),
        click.option(
            "--validate-on",
            type=click.Choice(["curated", "noisy"]),
            default=None,
            help="Clips of which some are held out.  [default: curated]",
        ),
        click.option(
            "--folds", type=click.IntRange(0), default=None, help="Hold out one of so many parts.  [default: 0]"
        ),
        click.option(
            "--fold",
            type=click.IntRange(1),
            default=None,
            help="The part held out.  [default: each in turn, RUN/fold-1, ...]",
        ),
        click.option(
            "--relabel",
            default=None,
            metavar="CSV",
            help="What noisy labels are worth (see: relabel).  [default: all of it]",
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
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=None,
            help="Of split, weights, batches and dropout.  [default: 0]",
        ),
    ]
    for option in reversed(changes):
        command = option(command)
    return command


@click.command("train", cls=TensorFlowCommand)
@options.store_to_train_on
@click.option(
    "--run",
    type=PATH,
    default=None,
    help="The run's folder.  [default: runs/MODEL or runs/RECIPE]",
)
@options.recipe
@train_options
@as_json
def train(features: Path, run: Path | None, recipe: str | None, json_: bool, **changes: Any) -> None:
    """Train a network on a feature store.

    A run that was interrupted goes on from its last finished epoch when the same command is given again. With a recipe,
    its own settings take the place of the defaults below.
    """
    from fat2019.recipes import configure
    from fat2019.store import FeatureStore
    from fat2019.training import train as fit
    from fat2019.training import train_folds

    config = configure(recipe, changes)
    path = run or Path("runs") / (recipe or config.model.name)
    store, say = FeatureStore.open(features), epoch_line([stage.epochs for stage in config.stages])
    if config.folds and changes["fold"] is None:
        runs = train_folds(store, config, path, say)
        print_result(
            {"runs": [{"run": str(one.path), **one.metrics} for one in runs]}, json_, [_trained(one) for one in runs]
        )
        return
    trained = fit(store, config, path, say)
    print_result({"run": str(path), **trained.metrics}, json_, [_trained(trained)])


def _trained(run: "Run") -> str:
    validation = run.metrics["validation"]
    return (
        f"{run.path}: LWLRAP on validation {validation['lwlrap']:.4f} ({validation['clips']} clips, "
        f"{validation['windows']} windows), {run.metrics['epochs']} epochs in {run.metrics['seconds']:.0f} s"
    )


@click.command("relabel", cls=TensorFlowCommand)
@options.store_to_train_on
@click.option("--out", type=PATH, default=Path("relabelled.csv"), help="The file to write.")
@click.option("--work", type=PATH, default=Path("relabel"), help="Folder for the runs.")
@click.option("--parts", type=click.IntRange(2), default=3, help="Parts of the noisy clips, and networks.")
@options.recipe
@train_options
@as_json
def relabel(features: Path, out: Path, work: Path, parts: int, recipe: str | None, json_: bool, **changes: Any) -> None:
    """Judge the labels of noisy clips by networks that have not seen them, for `train --relabel`.

    For each clip the file has their scores, how far its labels agree with them, and what to do: keep, drop, or train
    towards the mean of labels and scores (soft). Networks are trained as by `train`, the recipe being best-noisy, whose
    settings take the place of the defaults below.
    """
    from fat2019.recipes import configure
    from fat2019.relabel import relabel as judge
    from fat2019.store import FeatureStore

    require_place(out)
    for option in ("splits", "validate_on", "validation_share", "folds", "fold", "relabel"):
        if changes[option] is not None:
            raise click.UsageError(
                f"--{option.replace('_', '-')}: relabel trains on both parts and holds out noisy clips by --parts"
            )
    config = configure(recipe or "best-noisy", changes)
    table = judge(FeatureStore.open(features), config, out, work, folds=parts, report=say_epoch)
    uses = {use: int((table["use"] == use).sum()) for use in ("keep", "soft", "drop")}
    agreement = float(table["agreement"].mean())
    print_result(
        {"out": str(out), "clips": len(table), "uses": uses, "mean_agreement": agreement},
        json_,
        [f"{out}: {len(table)} clips: " + ", ".join(f"{use} {count}" for use, count in uses.items())],
    )


@click.command("recipes", cls=TensorFlowCommand)
@as_json
def recipes(json_: bool) -> None:
    """List the named configurations: the rows of the report's tables and the curves of its figures."""
    from fat2019.recipes import RECIPES

    print_result(
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


@click.command("models", cls=TensorFlowCommand)
@click.option("--classes", type=click.IntRange(1), default=80, help="Outputs.")
@as_json
def models(classes: int, json_: bool) -> None:
    """List every network and head with its parameters."""
    from fat2019.models import list_models

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
