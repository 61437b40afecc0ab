"""The epoch: which clips, how often, in which order, with which random numbers."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.errors import DataError
from fat2019.feed.sampling import Sampler, clip_weights

BOTH = (SpecAugment(), MixUp(0.3))
RARE = 1e-3  # the seeds are fixed: a test fails either always or never


def sampler(weights, augment=0, **options):
    weights = np.asarray(weights, np.float64)
    augment = np.broadcast_to(np.uint8(augment), weights.shape)
    return Sampler(weights, augment, **{"seed": 0, "candidates": 3, **options})


def of_epochs(some, name, epochs):
    """One field of the first epochs."""
    mapped = tf.data.Dataset.range(epochs).map(lambda number: getattr(some.epoch(number), name))
    return list(mapped.as_numpy_iterator())


def test_one_epoch_of_one_seed_is_literally_this():
    """A change of these numbers changes what every resumed run trains on: it belongs into the changelog."""
    two_uniforms = SpecAugment(frequency_masks=0, time_masks=0)
    epoch = sampler([1, 2, 0.5, 0.5], [0, 1, 0, 255], seed=7, augmentations=(two_uniforms, MixUp(0.4))).epoch(3)
    assert epoch.clip.numpy().tolist() == [0, 1, 1, 3]
    assert epoch.augmented.numpy().tolist() == [True, False, True, False]
    assert epoch.first_example.numpy().tolist() == [0, 1, 3, 3, 4]
    assert epoch.order.numpy().tolist() == [0, 3, 2, 1]
    assert epoch.stream_order.numpy().tolist() == [805153700, 6]
    np.testing.assert_allclose(
        epoch.window,
        [
            [0.979847, 0.947930, 0.716694],
            [0.536624, 0.429063, 0.321371],
            [0.969855, 0.745744, 0.770871],
            [0.004062, 0.907694, 0.087324],
        ],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        epoch.drawn["spec_augment"].uniforms,
        [[0.642215, 0.580566], [0.698658, 0.967816], [0.753374, 0.764578], [0.776811, 0.661960]],
        atol=1e-6,
    )
    np.testing.assert_allclose(epoch.drawn["mixup"], [0.203080, 1, 0.423027, 1], atol=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30).filter(any), st.integers(0, 3))
def test_whole_weights_are_the_repeats_themselves(weights, epoch):
    drawn = sampler(weights).epoch(epoch)
    np.testing.assert_array_equal(drawn.clip, np.repeat(np.arange(len(weights)), weights))
    np.testing.assert_array_equal(drawn.first_example, np.concatenate([[0], np.cumsum(weights)]))


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=30).filter(lambda weights: sum(weights) > 0.6), st.integers(0, 50)
)
def test_each_clip_is_used_within_one_of_its_weight_and_the_total_is_constant(weights, number):
    some = sampler(weights)
    epoch = some.epoch(number)
    repeats = np.bincount(epoch.clip.numpy(), minlength=len(weights))
    assert repeats.sum() == some.examples == round(sum(weights)) == len(epoch.clip)
    assert np.all(np.abs(repeats - np.array(weights) * some.examples / sum(weights)) < 1 + 1e-9)
    np.testing.assert_array_equal(np.diff(epoch.first_example), repeats)
    np.testing.assert_array_equal(epoch.clip, np.sort(epoch.clip))


def test_over_many_epochs_each_clip_is_used_as_often_as_it_weighs():
    weights = np.array([0.1, 0.25, 0.5, 0.9, 1.0, 1.25, 2.6, 0.4])  # 7 in all
    epochs = 3000
    repeats = np.stack([np.bincount(clips, minlength=8) for clips in of_epochs(sampler(weights), "clip", epochs)])
    share = weights % 1
    deviation = np.sqrt(share * (1 - share) / epochs)
    assert np.all(np.abs(repeats.mean(axis=0) - weights) <= 4 * deviation)
    # Clips are laid out in random order: no two of them always come together or always apart.
    half, quarter = repeats[:, 2], repeats[:, 7]
    assert set(zip(half.tolist(), quarter.tolist(), strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_the_order_is_a_permutation_and_each_place_equally_likely():
    orders = np.stack(of_epochs(sampler(np.ones(8)), "order", 800))
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(8), (800, 1)))
    for place in range(8):
        assert scipy.stats.chisquare(np.bincount(orders[:, place], minlength=8)).pvalue > RARE


@pytest.mark.parametrize(
    "augment, expected",
    [(0, [True, True, True, True, True]), (1, [False, True, True, False, True]), (255, [False] * 5)],
)
def test_a_clip_is_augmented_from_the_repeat_given_on(augment, expected):
    np.testing.assert_array_equal(sampler([3, 2], augment=augment).epoch(0).augmented, expected)


def numbers(epoch):
    values = {**epoch._asdict(), **epoch.drawn}
    del values["drawn"]
    return {name: [part.numpy().tolist() for part in tf.nest.flatten(value)] for name, value in values.items()}


def test_an_epoch_is_a_function_of_its_seed_and_number_alone():
    def make():
        return sampler(np.linspace(0.3, 2, 20), seed=5, augmentations=BOTH)

    tf.random.set_seed(1)
    first = numbers(make().epoch(6))
    tf.random.set_seed(2)
    assert numbers(make().epoch(6)) == first
    in_a_graph = tf.data.Dataset.range(5, 8).map(lambda number: make().epoch(number))
    assert numbers(list(in_a_graph)[1]) == first
    assert numbers(tf.function(make().epoch)(tf.constant(6, tf.int64))) == first


def test_other_seeds_and_other_epochs_draw_other_numbers():
    def make(seed):
        return sampler(np.linspace(0.3, 2, 20), seed=seed, augmentations=BOTH)

    epochs = [numbers(make(seed).epoch(number)) for seed, number in ((0, 0), (0, 1), (1, 0), (1, 1))]
    for name in ("clip", "order", "window", "spec_augment", "mixup", "stream_order"):
        assert len({str(epoch[name]) for epoch in epochs}) == 4, name


def test_switching_one_augmentation_on_leaves_all_other_numbers_as_they_were():
    plain = numbers(sampler(np.linspace(0.3, 2, 20)).epoch(0))
    one = numbers(sampler(np.linspace(0.3, 2, 20), augmentations=BOTH[1:]).epoch(0))
    both = numbers(sampler(np.linspace(0.3, 2, 20), augmentations=BOTH).epoch(0))
    assert {**both, **one} == both
    assert {**one, **plain} == one
    assert both.keys() - one.keys() == {"spec_augment"} and one.keys() - plain.keys() == {"mixup"}


def test_no_two_uses_of_randomness_share_their_numbers():
    epoch = sampler(np.ones(50), candidates=4, augmentations=BOTH).epoch(0)
    assert not np.intersect1d(epoch.window.numpy(), epoch.drawn["spec_augment"].uniforms.numpy()).size


def test_a_noisy_clip_weighs_what_it_is_given():
    noisy = np.array([False, True, True])
    labels = np.eye(3, dtype=np.uint8)
    np.testing.assert_array_equal(clip_weights(labels, noisy, noisy_weight=0.4), [1, 0.4, 0.4])
    np.testing.assert_array_equal(clip_weights(labels, noisy), [1, 1, 1])


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=10, max_size=40), st.floats(0.1, 3))
def test_class_balancing_gives_every_label_the_same_uses_and_keeps_the_total(clips, noisy_weight):
    """Exact where each clip has one label; noisy clips count by their weight."""
    classes, noisy = (np.array(column) for column in zip(*clips, strict=True))
    labels = np.eye(4, dtype=np.uint8)[classes]
    plain = clip_weights(labels, noisy, noisy_weight=noisy_weight)
    assert plain.sum() >= 1
    balanced = clip_weights(labels, noisy, noisy_weight=noisy_weight, class_balanced=True)
    assert balanced.sum() == pytest.approx(plain.sum())
    heard = (balanced @ labels)[labels.any(axis=0)]
    np.testing.assert_allclose(heard, plain.sum() / len(heard))
    # Within a class, noisy clips weigh what they weigh against curated ones.
    for label in set(classes.tolist()):
        ratio = (balanced / plain)[classes == label]
        np.testing.assert_allclose(ratio, ratio[0])


def test_class_balancing_evens_the_counts_of_clips_with_several_labels_as_well():
    rng = np.random.default_rng(0)
    labels = (rng.random((500, 6)) < [0.5, 0.3, 0.1, 0.05, 0.03, 0.02]).astype(np.uint8)
    labels = labels[labels.any(axis=1)]
    noisy = np.zeros(len(labels), bool)
    plain, balanced = (clip_weights(labels, noisy, class_balanced=on) @ labels for on in (False, True))
    assert balanced.max() / balanced.min() < 0.25 * plain.max() / plain.min()


def test_class_balancing_leaves_clips_without_labels_out():
    labels = np.array([[1, 0], [0, 0], [0, 1]], np.uint8)
    np.testing.assert_allclose(clip_weights(labels, np.zeros(3, bool), class_balanced=True), [1.5, 0, 1.5])


@pytest.mark.parametrize(
    "labels, options",
    [
        (np.ones((3, 2)), {"noisy_weight": 0.0}),
        (np.ones((3, 2)), {"noisy_weight": 0.1}),
        (np.ones((3, 2)), {"noisy_weight": 0.0, "class_balanced": True}),
        (np.zeros((3, 2)), {"class_balanced": True}),
    ],
)
def test_weights_that_leave_no_clip_are_refused(labels, options):
    with pytest.raises(DataError, match="no clip is left"):
        clip_weights(labels.astype(np.uint8), np.ones(3, bool), **options)
