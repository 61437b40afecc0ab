"""What a training run does: values, checked when they are made.

A run is one or more stages, each with its clips, its optimizer and the part of the network that it trains.
"""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig, Trainable
from fat2019.errors import DataError
from fat2019.utils.values import Checked

TrainingSplit = Literal["curated", "noisy"]
Optimizer = Literal["adam", "adamw", "sgd"]


@dataclasses.dataclass(frozen=True)
class Stage(Checked):
    """Some epochs on some clips."""

    splits: Annotated[tuple[TrainingSplit, ...], Meta(min_length=1)] = ("curated",)
    epochs: Annotated[int, Meta(ge=1)] = 50
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-4
    optimizer: Optimizer = "adam"
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: a warm-up over 5% of the steps, then down to 0
    trainable: Trainable = "none"  # part of the backbone
    validate_on: TrainingSplit = "curated"
    judge_noisy: bool = False  # weigh the labels of noisy clips by what the network of the stage before hears
    feed: FeedConfig = dataclasses.field(default_factory=FeedConfig)
    loss: Literal["cross-entropy", "lsep"] = "cross-entropy"  # see fat2019.models.losses.TaggingLoss, for these four
    focal_gamma: Annotated[float, Meta(ge=0)] = 0.0
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    bootstrap: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Meta(ge=0)] = 0.004  # of AdamW
    keep: Literal["best", "last"] = "best"  # the epoch that stays: the best by validation, or the last

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
    # Of the curated clips, and of the noisy ones where a stage is validated on them:
    validation_share: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    folds: Annotated[int, Meta(ge=0)] = 0  # instead of that share: hold out one of so many stratified parts
    fold: int = 1  # the part held out, from 1 on
    relabel: str = ""  # a CSV file of label confidences, see :mod:`fat2019.training.cleaning`
    clip_share: Annotated[float, Meta(gt=0, le=1)] = 1.0  # of the training clips, drawn at random; others are not used
    early_stopping_epochs: Annotated[int, Meta(ge=0)] = 0  # without a better validation LWLRAP; 0 never stops early
    clip_norm: Annotated[float, Meta(ge=0)] = 0.0  # of the whole gradient; 0 does not clip
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    jit: bool = False
    devices: Annotated[int, Meta(ge=1)] = 1
    seed: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_folds()
        self._require_relabel()
        self._require_devices()

    def _require_folds(self) -> None:
        if self.folds == 1:
            raise DataError(f"folds: expected 2 or more, or 0 for none, received {self.folds}")
        if self.folds and not 1 <= self.fold <= self.folds:
            raise DataError(f"fold: expected 1 to {self.folds}, the folds, received {self.fold}")
        if self.fold != 1 and not self.folds:
            raise DataError(f"fold: expected folds to hold out number {self.fold} of, received none; give --folds")

    def _require_relabel(self) -> None:
        if self.stages[0].judge_noisy:
            raise DataError("judge_noisy: there is no network before the first stage to judge by")
        if self.relabel and any(stage.judge_noisy for stage in self.stages):
            raise DataError(f"relabel: {self.relabel} and the recipe both judge noisy labels; leave out one")
        if self.relabel and not any("noisy" in stage.splits for stage in self.stages):
            raise DataError(
                f"relabel: {self.relabel} judges noisy clips, and none are trained on; add --splits curated,noisy"
            )

    def _require_devices(self) -> None:
        if self.devices > 1 and self.jit:
            raise DataError("jit: TensorFlow cannot compile a step for several devices; leave out --jit or --devices")
        for batch in (stage.feed.batch_windows for stage in self.stages):
            if batch % self.devices:
                raise DataError(f"batch size: expected a multiple of the {self.devices} devices, received {batch}")
