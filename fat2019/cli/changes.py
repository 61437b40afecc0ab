"""The options that change one field of a recipe: those of `train`, `relabel` and `sweep`."""

from collections.abc import Callable
from typing import Any

import click

from fat2019.cli.options import some_splits

_FROM_0, _FROM_1 = click.IntRange(0), click.IntRange(1)


def _change(*names_help_default: str, **attributes: Any) -> Callable[[Callable], Callable]:
    """An option whose value is None unless it is given: then the field is as the recipe has it.

    Args:
        names_help_default: the option's names, as click takes them; what help says of it; and the default without a
            recipe, which help names too. Recipes are not imported for that: they load TensorFlow, and help is to be
            there at once. A test compares both.
        attributes: others of the option.
    """
    *names, text, default = names_help_default
    return click.option(*names, default=None, help=f"{text}  [default: {default}]".lstrip(), **attributes)


def _one_of(*choices: str) -> click.Choice:
    return click.Choice(choices)


_CHANGES = (
    _change("--model", "name", "simple, compact, resnet50, ... (see: models).", "simple"),
    _change("--head", "Layers on the backbone.", "dense", type=_one_of("dense", "conv", "mlp")),
    _change("--weights", "Of the backbone: imagenet, none or a file.", "imagenet"),
    _change("--trainable", "Part of the backbone that is trained.", "none", type=_one_of("none", "top", "all")),
    _change("--kernel-size", "Of the simple network.", "3", type=_FROM_1),
    _change("--dropout", "Share dropped before the last layer.", "0.5", type=float),
    _change("--width", "Channels the compact network begins with.", "24", type=_FROM_1),
    _change("--pooling", "Of the compact network, over time.", "mean", type=_one_of("mean", "mean+max", "attention")),
    _change("--standardise/--no-standardise", "Give the compact network windows of mean 0 and deviation 1.", "yes"),
    _change("--frequency-map/--no-frequency-map", "Tell the compact network how high each band lies.", "no"),
    _change("--splits", "Clips to train on: curated, noisy or both.", "curated", callback=some_splits),
    _change("--epochs", "Of the last stage; those before it change in proportion.", "50", type=_FROM_1),
    _change("--batch-size", "batch_windows", "Windows a step.", "64", type=_FROM_1),
    _change("--lr", "learning_rate", "Learning rate.", "0.002", type=float),
    _change("--optimizer", "", "adam", type=_one_of("adam", "adamw", "sgd")),
    _change(
        "--schedule",
        "Of the learning rate; cosine warms up for 5% of the steps.",
        "cosine",
        type=_one_of("constant", "cosine"),
    ),
    _change("--weight-decay", "Of adamw.", "0.004", type=float),
    _change("--loss", "", "cross-entropy", type=_one_of("cross-entropy", "lsep")),
    _change("--focal-gamma", "Weigh what is learnt already down by this power.", "0", type=float),
    _change("--label-smoothing", "Share of a label moved to one half.", "0", type=float),
    _change("--bootstrap", "Share of a label that is the network's own score, for wrong labels.", "0", type=float),
    _change("--keep", "Epoch that is kept.", "best", type=_one_of("best", "last")),
    _change("--spec-augment/--no-spec-augment", "Hide bands and frames.", "no"),
    _change("--policy", "SpecAugment policy: ours, LB, LD, SM or SS.", "ours"),
    _change("--mixup", "mixup_alpha", "MixUp with Beta(ALPHA, ALPHA); 0 is off.", "0", type=float, metavar="ALPHA"),
    _change(
        "--mix-sounds",
        "mix_share",
        "Add another sound, with its labels, to this share of the windows.",
        "0",
        type=float,
        metavar="SHARE",
    ),
    _change(
        "--mix-level", "mix_level_db", "Decibels by which such sounds differ at most.", "0", type=float, metavar="DB"
    ),
    _change(
        "--mix-in-turn",
        "Of such windows, in which the sounds are heard one after the other.",
        "0",
        type=float,
        metavar="SHARE",
    ),
    _change("--shift-bands", "Move windows up or down by as many mel bands at most.", "0", type=_FROM_0),
    _change(
        "--stretch-bands",
        "Spread or narrow the spectra of windows by this share at most.",
        "0",
        type=float,
        metavar="SHARE",
    ),
    _change(
        "--augment",
        "Augment every window, or use each curated clip twice, once raw.",
        "all",
        type=_one_of("all", "double-curated"),
    ),
    _change("--candidates", "Random windows of which the loudest is taken.", "3", type=_FROM_1),
    _change("--noisy-weight", "Uses of a noisy clip for one of a curated clip.", "1", type=float),
    _change("--class-balanced/--no-class-balanced", "Draw clips of rare classes more often.", "no"),
    _change(
        "--reader",
        "Hold log-mels in memory or stream TFRecord shards.",
        "auto",
        type=_one_of("auto", "memory", "stream"),
    ),
    _change("--validation-share", "Of the clips to validate on, held out.", "0.2", type=float),
    _change("--validate-on", "Clips of which some are held out.", "curated", type=_one_of("curated", "noisy")),
    _change("--folds", "Hold out one of so many parts.", "0", type=_FROM_0),
    _change("--fold", "The part held out.", "each in turn, RUN/fold-1, ...", type=_FROM_1),
    _change("--relabel", "What noisy labels are worth (see: relabel).", "all of it", metavar="CSV"),
    _change(
        "--early-stopping",
        "early_stopping_epochs",
        "Epochs without a better validation LWLRAP; 0 is off.",
        "0",
        type=_FROM_0,
    ),
    _change("--clip-norm", "Largest norm of a gradient; 0 is off.", "0", type=float),
    _change("--precision", "", "float32", type=_one_of("float32", "mixed_float16", "mixed_bfloat16")),
    _change("--jit/--no-jit", "Compile the training step with XLA.", "no"),
    _change("--devices", "GPUs (or CPUs) of this machine to train on.", "1", type=_FROM_1),
    _change("--seed", "Of split, weights, batches and dropout.", "0", type=click.IntRange(0, 2**32 - 1)),
)


def recipe_changes(command: Callable) -> Callable:
    """Give a command all of them."""
    for option in reversed(_CHANGES):
        command = option(command)
    return command
