"""What a training run does: values, checked when they are made.

A run is one or more stages, each with its clips, its optimizer and the part of the network that it trains.
"""

import dataclasses
import math
from typing import Literal

import keras

from fat2019.errors import DataError
from fat2019.feed.feeds import FeedConfig
from fat2019.models.losses import Kind, TaggingLoss
from fat2019.models.networks import ModelConfig

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class Stage:
    """Some epochs on some clips."""

    splits: tuple[str, ...] = ("curated",)
    epochs: int = 50
    learning_rate: float = 3e-4
    optimizer: str = "adam"
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: a warm-up over 5% of the steps, then down to 0
    trainable: Literal["none", "top", "all"] = "none"  # part of the backbone
    validate_on: Literal["curated", "noisy"] = "curated"
    judge_noisy: bool = False  # weigh the labels of noisy clips by what the network of the stage before hears
    feed: FeedConfig = dataclasses.field(default_factory=FeedConfig)
    loss: Kind = "cross-entropy"  # see :class:`fat2019.models.losses.TaggingLoss`, for these four
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0
    bootstrap: float = 0.0
    weight_decay: float = 0.004  # of AdamW
    keep: Literal["best", "last"] = "best"  # the epoch that stays: the best by validation, or the last

    def __post_init__(self) -> None:
        if not self.splits or not set(self.splits) <= {"curated", "noisy"} or len(set(self.splits)) < len(self.splits):
            raise DataError(f"splits: expected curated, noisy or both, received {', '.join(self.splits) or 'none'}")
        if self.epochs < 1:
            raise DataError(f"epochs: expected a whole number >= 1, received {self.epochs}")
        if self.keep not in ("best", "last"):
            raise DataError(f"keep: expected best or last, received {self.keep!r}")
        if not 0 <= self.weight_decay < math.inf:
            raise DataError(f"weight_decay: expected at least 0, received {self.weight_decay}")
        self.loss_function()  # which knows what it can do
        if not 0 < self.learning_rate < math.inf:
            raise DataError(f"learning rate: expected a number above 0, received {self.learning_rate}")
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("trainable", ("none", "top", "all")),
            ("validate_on", ("curated", "noisy")),
        ):
            if getattr(self, name) not in known:
                raise DataError(f"{name}: expected one of {', '.join(known)}, received {getattr(self, name)!r}")

    def loss_function(self) -> TaggingLoss:
        """What is minimised."""
        return TaggingLoss(self.loss, self.focal_gamma, self.label_smoothing, self.bootstrap)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A whole run."""

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    stages: tuple[Stage, ...] = (Stage(),)
    validation_share: float = 0.2  # of the curated clips, and of the noisy ones where a stage is validated on them
    folds: int = 0  # instead of that share: hold out one of so many iteratively stratified parts
    fold: int = 1  # the part held out, from 1 on
    relabel: str = (
        ""  # a CSV file with what the labels of the noisy clips are worth, see :mod:`fat2019.training.cleaning`
    )
    clip_share: float = 1.0  # of the training clips, drawn at random; the others are not used
    early_stopping_epochs: int = 0  # without a better validation LWLRAP; 0 never stops early
    clip_norm: float = 0.0  # of the whole gradient; 0 does not clip
    precision: str = "float32"
    jit: bool = False
    devices: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.validation_share < 1:
            raise DataError(f"validation share: expected a number between 0 and 1, received {self.validation_share}")
        if self.folds < 0 or self.folds == 1:
            raise DataError(f"folds: expected 2 or more, or 0 for none, received {self.folds}")
        if self.folds and not 1 <= self.fold <= self.folds:
            raise DataError(f"fold: expected 1 to {self.folds}, the folds, received {self.fold}")
        if self.fold != 1 and not self.folds:
            raise DataError(f"fold: expected folds to hold out number {self.fold} of, received none; give --folds")
        if not 0 < self.clip_share <= 1:
            raise DataError(f"clip share: expected a number above 0 and up to 1, received {self.clip_share}")
        if not self.stages:
            raise DataError("stages: expected at least one, received none")
        if self.stages[0].judge_noisy:
            raise DataError("judge_noisy: there is no network before the first stage to judge by")
        if self.relabel and any(stage.judge_noisy for stage in self.stages):
            raise DataError(f"relabel: {self.relabel} and the recipe both judge noisy labels; leave out one")
        if self.relabel and not any("noisy" in stage.splits for stage in self.stages):
            raise DataError(
                f"relabel: {self.relabel} judges noisy clips, and none are trained on; add --splits curated,noisy"
            )
        if self.precision not in PRECISIONS:
            raise DataError(f"precision: expected one of {', '.join(PRECISIONS)}, received {self.precision!r}")
        for name in ("early_stopping_epochs", "clip_norm", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"{name}: expected at least 0, received {getattr(self, name)}")
        if self.devices < 1:
            raise DataError(f"devices: expected a whole number >= 1, received {self.devices}")
        if self.devices > 1 and self.jit:
            raise DataError("jit: TensorFlow cannot compile a step for several devices; leave out --jit or --devices")
        for batch in (stage.feed.batch_windows for stage in self.stages):
            if batch % self.devices:
                raise DataError(f"batch size: expected a multiple of the {self.devices} devices, received {batch}")
