"""What holds for every augmentation."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.registry import changed, named, registered, require_effect
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.errors import DataError
from tests.augmentations.batches import batch_of, drawn_by, scaled_images


def example_of(cls):
    """Half of everything that is a share, 3 of all that is counted."""
    values = {int: 3, float: 0.5}
    given = {field.name: values.get(type(field.default), field.default) for field in dataclasses.fields(cls)}
    return cls(**given)


EXAMPLES = [example_of(cls) for cls in registered()]


@pytest.mark.parametrize("augmentation", EXAMPLES, ids=lambda one: one.name)
def test_examples_that_are_not_augmented_stay_as_they_are_to_the_bit(augmentation):
    images, augmented = scaled_images(1, 40, 20, 16), np.arange(40) % 2 == 1
    batch = batch_of(images)
    result = augmentation.apply(batch, drawn_by(augmentation, 40, augmented))
    np.testing.assert_array_equal(result.images.numpy()[~augmented], images[~augmented])
    np.testing.assert_array_equal(result.labels.numpy()[~augmented], batch.labels.numpy()[~augmented])
    assert np.any(result.images != images, axis=(1, 2))[augmented].mean() > 0.3


@pytest.mark.parametrize("augmentation", EXAMPLES, ids=lambda one: one.name)
def test_images_are_the_same_in_tf_data_as_eagerly_and_nearly_so_compiled(augmentation):
    batch, drawn = batch_of(scaled_images(2, 8, 20, 16)), drawn_by(augmentation, 8)

    def images(drawn):
        return augmentation.apply(batch, drawn).images

    eager = images(drawn).numpy()
    np.testing.assert_array_equal(next(iter(tf.data.Dataset.from_tensors(drawn).map(images))), eager)
    np.testing.assert_allclose(tf.function(images, jit_compile=True)(drawn), eager, atol=5e-3)


@pytest.mark.parametrize("augmentation", EXAMPLES, ids=lambda one: one.name)
def test_an_augmentation_is_the_same_after_json(augmentation):
    assert named(augmentation.name).from_plain(augmentation.to_plain()) == augmentation


def test_options_change_what_they_name_and_nothing_else():
    on = (MixSounds(0.75, mix_in_turn=0.75), SpecAugment())
    assert changed(on, {}) == on
    assert changed(on, {"mix_level_db": 10.0, "batch_windows": 7}) == (MixSounds(0.75, 10.0, 0.75), SpecAugment())
    assert changed(on, {"mix_share": 0.0, "mixup_alpha": 0.2}) == (SpecAugment(), MixUp(0.2))
    assert changed((), {"mix_in_turn": 0.5}) == ()


def test_an_option_that_needs_an_augmentation_which_is_off_is_refused():
    require_effect([MixSounds(0.5)], {"mix_in_turn": 0.5})
    with pytest.raises(DataError, match=r"mix_in_turn: 0\.5 has no effect here: .* of mixed sounds"):
        require_effect([MixUp(0.5)], {"mix_in_turn": 0.5})
