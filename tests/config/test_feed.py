"""How training batches are made: what is refused."""

import pytest

from fat2019.augmentations.mixup import MixUp
from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_windows": 0},
        {"candidates": 0},
        {"noisy_weight": -0.1},
        {"noisy_weight": float("nan")},
        {"augmentations": ("mixup",)},
        {"augmentations": (MixUp(0.1), MixUp(0.2))},
        {"seed": -1},
        {"augment": "double"},
        {"reader": "disk"},
    ],
)
def test_a_configuration_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        FeedConfig(**wrong)


def test_doubled_curated_clips_and_balanced_classes_are_refused_together():
    """How often a clip is augmented would tell its class."""
    with pytest.raises(DataError, match=r"double-curated.*class_balanced"):
        FeedConfig(augment="double-curated", class_balanced=True)
