"""What version 0.1.0 left, and what it would be today."""

from pathlib import Path

from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.training import Stage, TrainConfig

ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "v0.1.0"
ALL_AUGMENTATIONS = (
    FrequencyShift(shift_bands=4, stretch_bands=0.1),
    MixSounds(mix_share=0.75, mix_level_db=3.0, mix_in_turn=0.5),
    SpecAugment(time_warp_frames=8, fill="mean"),
    MixUp(0.2),
)
CONFIG = TrainConfig(
    ModelConfig("compact", weights="none", width=2, dropout=0.2),
    (
        Stage(("noisy",), epochs=2, validate_on="noisy", learning_rate=1e-2, feed=FeedConfig(batch_windows=4)),
        Stage(
            epochs=3,
            learning_rate=1e-2,
            optimizer="adamw",
            schedule="cosine",
            feed=FeedConfig(batch_windows=4, candidates=2, augmentations=ALL_AUGMENTATIONS),
        ),
    ),
    validation_share=0.34,
    seed=7,
)
