"""What a training run does: values, checked when they are made.

A run is one or more stages, each with its clips, its optimizer and the part of the network that it trains.
"""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig, Trainable
from fat2019.errors import DataError
from fat2019.utils.values import DATA, HARDWARE, MODEL, OPTIMISATION, Checked, option

TrainingSplit = Literal["curated", "noisy"]
BOTH: tuple[TrainingSplit, ...] = ("curated", "noisy")
Optimizer = Literal["adam", "adamw", "sgd", "lbfgs"]


@dataclasses.dataclass(frozen=True)
class Stage(Checked):
    """Some epochs on some clips."""

    splits: Annotated[
        tuple[TrainingSplit, ...], option("--splits", DATA, "Clips to train on: curated, noisy or both.", min_length=1)
    ] = ("curated",)
    epochs: Annotated[
        int, option("--epochs", OPTIMISATION, "Epochs in the last stage; earlier stages are scaled to match.", ge=1)
    ] = 50
    learning_rate: Annotated[float, option("--lr", OPTIMISATION, "Learning rate.", metavar="RATE", gt=0)] = 3e-4
    optimizer: Annotated[
        Optimizer,
        option("--optimizer", OPTIMISATION, "Optimizer; lbfgs fits a linear head on stored embeddings, in one epoch."),
    ] = "adam"
    schedule: Annotated[
        Literal["constant", "cosine"],
        option(
            "--schedule",
            OPTIMISATION,
            "Learning-rate schedule; cosine decays to 0 after warming up for 5% of the steps.",
        ),
    ] = "constant"
    trainable: Trainable = "none"  # part of the backbone
    validate_on: Annotated[TrainingSplit, option("--validate-on", DATA, "Split to hold out validation clips from.")] = (
        "curated"
    )
    judge_noisy: bool = False  # weigh the labels of noisy clips by the scores of the stage before
    feed: FeedConfig = dataclasses.field(default_factory=FeedConfig)
    # See fat2019.models.losses.TaggingLoss for these four.
    loss: Annotated[
        Literal["cross-entropy", "lsep"],
        option("--loss", OPTIMISATION, "Loss: binary cross-entropy or log-sum-exp pairwise."),
    ] = "cross-entropy"
    focal_gamma: Annotated[
        float,
        option(
            "--focal-gamma",
            OPTIMISATION,
            "Focal-loss gamma: down-weights easy examples (0 = off).",
            metavar="GAMMA",
            ge=0,
        ),
    ] = 0.0
    label_smoothing: Annotated[
        float,
        option(
            "--label-smoothing",
            OPTIMISATION,
            "Label smoothing: labels move this share of the way to 0.5.",
            metavar="SHARE",
            ge=0,
            lt=1,
        ),
    ] = 0.0
    bootstrap: Annotated[
        float,
        option(
            "--bootstrap",
            OPTIMISATION,
            "Bootstrapping against wrong labels: share of each label replaced by the network's own score.",
            metavar="SHARE",
            ge=0,
            lt=1,
        ),
    ] = 0.0
    weight_decay: Annotated[
        float, option("--weight-decay", OPTIMISATION, "Weight decay of adamw.", metavar="DECAY", ge=0)
    ] = 0.004
    keep: Annotated[
        Literal["best", "last"], option("--keep", OPTIMISATION, "Epoch to keep: best by validation LWLRAP, or last.")
    ] = "best"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.splits)) < len(self.splits):
            raise DataError(f"splits: expected curated, noisy or both, received {', '.join(self.splits)}")
        if self.focal_gamma and self.loss != "cross-entropy":
            raise DataError(f"focal_gamma: expected 0 with {self.loss}, received {self.focal_gamma}")


@dataclasses.dataclass(frozen=True)
class TrainConfig(Checked):
    """A whole run."""

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)] = (Stage(),)
    validation_share: Annotated[
        float,
        option(
            "--validation-share", DATA, "Share of the clips to hold out for validation.", metavar="SHARE", gt=0, lt=1
        ),
    ] = 0.2
    folds: Annotated[
        int,
        option(
            "--folds",
            DATA,
            "Hold out one of this many stratified folds instead of a share (0 = off).",
            metavar="FOLDS",
            ge=0,
        ),
    ] = 0
    fold: Annotated[
        int,
        option(
            "--fold",
            DATA,
            "Fold to hold out, from 1.",
            metavar="FOLD",
            ge=1,
            default="each in turn, in RUN/fold-1, ...",
        ),
    ] = 1
    validate_on_fold: Annotated[
        str,
        option(
            "--validate-on-fold",
            DATA,
            "Fold to hold out, of the data set's own folds.",
            metavar="FOLD",
            default="its validation split, if any",
        ),
    ] = ""
    near_copies: Annotated[
        Literal["say", "together"],
        option(
            "--near-copies",
            DATA,
            "Clips that sound like copies of each other (at another level, rate, codec or cut): say how many are on "
            "both sides of the partition, or keep them together on one.",
        ),
    ] = "say"
    relabel: Annotated[
        str,
        option(
            "--relabel",
            DATA,
            "Confidence of each noisy label, written by `relabel`.",
            metavar="CSV",
            default="full confidence",
        ),
    ] = ""
    init: Annotated[
        str,
        option(
            "--init",
            MODEL,
            "Start from this run's weights, except the output layer's; network, head and features must match.",
            metavar="RUN",
            default="the weights that --weights gives",
        ),
    ] = ""
    # Leave out the curated clips that a training with this seed and share validates on: `relabel` judges for it.
    spare_validation: bool = False
    clip_share: Annotated[float, Meta(gt=0, le=1)] = 1.0  # of the training clips, drawn at random
    early_stopping_epochs: Annotated[
        int,
        option(
            "--early-stopping",
            OPTIMISATION,
            "Stop after this many epochs without a better validation LWLRAP (0 = off).",
            metavar="EPOCHS",
            ge=0,
        ),
    ] = 0
    clip_norm: Annotated[
        float, option("--clip-norm", OPTIMISATION, "Clip the global gradient norm (0 = off).", metavar="NORM", ge=0)
    ] = 0.0
    precision: Annotated[
        Literal["float32", "mixed_float16", "mixed_bfloat16"],
        option("--precision", HARDWARE, "Keras precision policy."),
    ] = "float32"
    jit: Annotated[bool, option("--jit", HARDWARE, "Compile the training step with XLA.")] = False
    devices: Annotated[int, option("--devices", HARDWARE, "GPUs (or CPUs) of this machine to train on.", ge=1)] = 1
    seed: Annotated[
        int, option("--seed", OPTIMISATION, "Seed of the split, weights, batches and dropout.", ge=0, le=2**32 - 1)
    ] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_folds()
        self._require_relabel()
        self._require_devices()
        self._require_probe()

    def _require_folds(self) -> None:
        if self.folds == 1:
            raise DataError(f"folds: expected 2 or more, or 0 for none, received {self.folds}")
        if self.folds and not 1 <= self.fold <= self.folds:
            raise DataError(f"fold: expected 1 to {self.folds}, the folds, received {self.fold}")
        if self.fold != 1 and not self.folds:
            raise DataError(f"fold: expected folds to hold out number {self.fold} of, received none; give --folds")

        if self.folds and self.validate_on_fold:
            raise DataError("validate_on_fold: the data set's own folds and --folds exclude each other; leave out one")

    def _require_relabel(self) -> None:
        if self.stages[0].judge_noisy:
            raise DataError("judge_noisy: label cleaning needs an earlier stage; the first one has no trained network")
        if self.relabel and any(stage.judge_noisy for stage in self.stages):
            raise DataError(f"relabel: {self.relabel} and the recipe both clean noisy labels; leave out one")
        if self.relabel and not any("noisy" in stage.splits for stage in self.stages):
            raise DataError(
                f"relabel: {self.relabel} is about noisy clips, and none are trained on; add --splits curated,noisy"
            )

    def _require_probe(self) -> None:
        model = self.model
        is_linear = (model.name, model.head, model.known_classes, model.level_windows) == ("yamnet", "linear", 0, False)
        for stage in (stage for stage in self.stages if stage.optimizer == "lbfgs"):
            is_one_fit = (stage.trainable, stage.epochs) == ("none", 1) and not stage.feed.augmentations
            if not (is_linear and is_one_fit):
                raise DataError(
                    "optimizer: lbfgs fits the head linear of a frozen yamnet in one epoch, without known classes, "
                    "levelled windows and augmentation; start from --recipe probe, or give another optimizer"
                )

    def _require_devices(self) -> None:
        if self.devices > 1 and self.jit:
            raise DataError("jit: TensorFlow cannot compile a step for several devices; leave out --jit or --devices")
        for batch in (stage.feed.batch_windows for stage in self.stages):
            if batch % self.devices:
                raise DataError(f"batch size: expected a multiple of the {self.devices} devices, received {batch}")
