"""What holds for every augmentation, those of others included."""

import dataclasses
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from fat2019.augmentations import registry
from fat2019.augmentations.base import Augmentation
from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.registry import changed, named, register, registered
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError
from tests.augmentations.batches import batch_of, drawn_by, scaled_images

OURS = (FrequencyShift, MixSounds, SpecAugment, MixUp)
WITHOUT_TENSORFLOW = """
import sys
from fat2019.augmentations.registry import registered
assert [cls.name for cls in registered()], "none was found"
assert "tensorflow" not in sys.modules
"""


@dataclasses.dataclass(frozen=True)
class Quieter(Augmentation):
    """An augmentation from elsewhere."""

    name: ClassVar[str] = "quieter"
    title: ClassVar[str] = "quieter windows"
    position: ClassVar[int] = 35
    streams: ClassVar[tuple[int, ...]] = (1000,)

    quieter_share: float = 0.0

    @property
    def is_on(self):
        return self.quieter_share > 0

    def draw(self, numbers, augmented):
        return tf.where(augmented, 1 - self.quieter_share * numbers.uniform(1000, 1)[:, 0], 1.0)

    def apply(self, batch, drawn):
        return batch._replace(images=batch.images * drawn[:, None, None])


@pytest.fixture
def quieter(monkeypatch):
    monkeypatch.setattr(registry, "_CLASSES", dict(registry._CLASSES))
    return register(Quieter)


def test_all_modules_of_the_package_are_found_and_none_loads_tensorflow():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_spectra_are_shifted_before_sounds_are_mixed_and_masked_before_they_are_blended():
    assert [cls for cls in registered() if cls in OURS] == [FrequencyShift, MixSounds, SpecAugment, MixUp]


def test_an_augmentation_from_elsewhere_is_drawn_applied_changed_and_written_like_ours(quieter):
    config = FeedConfig(augmentations=(MixUp(0.2), quieter(0.5)))
    assert config.augmentations == (quieter(0.5), MixUp(0.2))  # by position
    assert FeedConfig.from_plain(config.to_plain()) == config
    assert changed(config.augmentations, {"quieter_share": 0.0}) == (MixUp(0.2),)
    factors = drawn_by(quieter(0.5), 3, [True, False, True])
    images = scaled_images(3)
    np.testing.assert_array_equal(quieter().apply(batch_of(images), factors).images, images * factors[:, None, None])


@pytest.mark.parametrize(
    "clash, what",
    [
        ({"name": "mixup"}, "name mixup"),
        ({"position": 40}, "position 40"),
        ({"streams": (2,)}, "stream 2"),
        ({"streams": (0,)}, "stream 0"),
    ],
)
def test_what_another_one_has_is_refused(clash, what):
    with pytest.raises(ValueError, match=f"Clash: {what} is taken"):
        register(type("Clash", (Quieter,), clash))


def test_an_option_of_another_one_is_refused(quieter):
    again = {"name": "again", "position": 36, "streams": (1001,)}
    with pytest.raises(ValueError, match="Again: option quieter_share is taken"):
        register(type("Again", (Quieter,), again))


def test_a_name_of_no_augmentation_is_refused_with_those_there_are():
    with pytest.raises(DataError, match=r"expected one of .*mixup.*, received 'echo'"):
        named("echo")
