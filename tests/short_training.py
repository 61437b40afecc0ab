"""Configurations of runs that are trained in seconds, for the tests of training and of what a run goes on from."""

import dataclasses

from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig

SMALL = FeedConfig(batch_windows=8)
TWO_STAGES = TrainConfig(
    ModelConfig(weights="none"),
    (
        Stage(("noisy",), epochs=2, validate_on="noisy", learning_rate=1e-2, feed=SMALL),
        Stage(epochs=3, learning_rate=1e-2, feed=dataclasses.replace(SMALL, augmentations=(SpecAugment(),))),
    ),
)


def one_stage(**fields):
    """A run of one short stage; fields of either."""
    names = {field.name for field in dataclasses.fields(Stage)}
    stage = {"epochs": 1, "feed": SMALL} | {name: value for name, value in fields.items() if name in names}
    return TrainConfig(
        ModelConfig(weights="none"),
        (Stage(**stage),),
        **{name: value for name, value in fields.items() if name not in names},
    )
