"""SpecAugment: its distributions, and every image against a slow version."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.augmentations.spec_augment import POLICIES, Drawn, SpecAugment, places, time_warp
from fat2019.errors import DataError
from tests.augmentations.batches import BANDS, FRAMES, batch_of, drawn_by, random_images
from tests.oracles import spec_augment as oracle

NOTHING = SpecAugment(frequency_masks=0, time_masks=0)
RARE = 1e-3  # the seeds are fixed: a test fails either always or never

policies = st.builds(
    SpecAugment,
    time_warp_frames=st.integers(0, 60),
    frequency_masks=st.integers(0, 3),
    frequency_mask_bands=st.integers(0, 30),
    time_masks=st.integers(0, 3),
    time_mask_frames=st.integers(0, 30),
    time_mask_share=st.floats(0, 1),
    fill=st.sampled_from(["minimum", "mean", "zero"]),
)


def random_uniforms(policy, count=4, seed=0):
    return tf.random.stateless_uniform([count, policy.uniforms], [seed, 1])


def drawn(policy, count=60_000):
    return [part.numpy() for part in places(random_uniforms(policy, count), FRAMES, BANDS, policy)]


def spec_augment(images, uniforms, policy):
    """All of the images ``(batch, frames, mels)``, augmented."""
    everything = tf.fill([images.shape[0]], True)
    return policy.apply(batch_of(images), Drawn(uniforms, everything)).images


@settings(max_examples=60)
@given(policies, st.integers(3, 40), st.integers(1, 30), st.integers(0, 1000))
def test_every_image_is_that_of_the_slow_version(policy, frames, bands, seed):
    images, uniforms = random_images(seed, 4, frames, bands), random_uniforms(policy, seed=seed)
    expected = [
        oracle.spec_augment(image, numbers, policy) for image, numbers in zip(images, uniforms.numpy(), strict=True)
    ]
    np.testing.assert_allclose(spec_augment(tf.constant(images), uniforms, policy), expected, atol=5e-3)


@pytest.mark.parametrize("axis, other", [("bands", "frames"), ("frames", "bands")])
def test_the_width_of_a_mask_is_uniform_from_0_to_its_greatest_and_its_place_from_end_to_end(axis, other):
    widest = 12
    policy = (
        SpecAugment(frequency_masks=1, frequency_mask_bands=widest, time_masks=0)
        if axis == "bands"
        else SpecAugment(frequency_masks=0, time_masks=1, time_mask_frames=widest)
    )
    _, *kept = drawn(policy)
    hidden = dict(zip(("frames", "bands"), (~part for part in kept), strict=True))
    assert not hidden[other].any()
    hidden = hidden[axis]
    width = hidden.sum(axis=1)
    edges = np.abs(np.diff(hidden.astype(np.int8), axis=1, prepend=0, append=0)).sum(axis=1)
    assert np.array_equal(edges, 2 * (width > 0))  # one band of consecutive positions
    assert scipy.stats.chisquare(np.bincount(width, minlength=widest + 1)).pvalue > RARE
    assert width.max() == widest
    start = hidden.argmax(axis=1)
    for w in range(1, widest + 1):
        places = np.bincount(start[width == w], minlength=hidden.shape[1] - w + 1)
        assert len(places) == hidden.shape[1] - w + 1
        assert scipy.stats.chisquare(places).pvalue > RARE / 12


def test_the_share_of_images_that_two_masks_of_no_width_leave_alone_is_as_expected():
    _, frames_kept, bands_kept = drawn(SpecAugment(frequency_mask_bands=3, time_mask_frames=4))
    for kept, share in ((bands_kept, 1 / 4**2), (frames_kept, 1 / 5**2)):
        untouched = int(kept.all(axis=1).sum())
        assert scipy.stats.binomtest(untouched, len(kept), share).pvalue > RARE


@pytest.mark.parametrize("share, widest", [(1.0, 70), (0.2, 18), (0.0, 0)])
def test_no_time_mask_hides_more_than_its_share_of_the_frames(share, widest):
    _, frames_kept, _ = drawn(SpecAugment(time_masks=1, time_mask_frames=70, time_mask_share=share))
    width = (~frames_kept).sum(axis=1)
    assert scipy.stats.chisquare(np.bincount(width, minlength=widest + 1)).pvalue > RARE or widest == 0
    assert width.max() == widest


@pytest.mark.parametrize("masks", [0, 1, 2, 3])
def test_there_are_as_many_masks_as_asked_for(masks):
    _, frames_kept, bands_kept = drawn(
        SpecAugment(frequency_masks=masks, frequency_mask_bands=4, time_masks=masks, time_mask_frames=4)
    )
    for kept in (frames_kept, bands_kept):
        begins = (np.diff((~kept).astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1)
        assert begins.max() == masks


def test_masks_are_drawn_independently():
    _, frames_kept, bands_kept = drawn(
        SpecAugment(frequency_masks=1, frequency_mask_bands=9, time_masks=1, time_mask_frames=9)
    )
    table = np.zeros((10, 10))
    np.add.at(table, ((~frames_kept).sum(axis=1), (~bands_kept).sum(axis=1)), 1)
    assert scipy.stats.chi2_contingency(table).pvalue > RARE


@pytest.mark.parametrize("most", [1, 10, 25, 80])
def test_the_warped_frame_and_its_target_are_uniform_and_within_bounds(most):
    warp, _, _ = drawn(SpecAugment(time_warp_frames=most))
    source, target = warp.T
    reach = min(most, 44)  # a longer one would not fit into half of 92 frames
    assert source.min() >= reach
    assert source.max() <= FRAMES - 1 - reach
    assert target.min() >= 1
    assert target.max() <= FRAMES - 2
    assert np.abs(target - source).max() <= reach + 1e-4
    assert scipy.stats.kstest(source, scipy.stats.uniform(reach, FRAMES - 1 - 2 * reach).cdf).pvalue > RARE
    free = (source - reach >= 1) & (source + reach <= FRAMES - 2)  # no end of the image is in reach of these
    assert free.mean() > 0.3
    assert scipy.stats.kstest((target - source)[free], scipy.stats.uniform(-reach, 2 * reach).cdf).pvalue > RARE


@given(st.floats(1, FRAMES - 2, width=32))
def test_a_warp_of_no_distance_changes_no_bit(place):
    images = random_images(1)
    np.testing.assert_array_equal(time_warp(tf.constant(images), tf.fill([4, 2], place)), images)


@given(st.integers(3, 50), st.data())
def test_the_warped_frame_lands_on_its_target_and_the_ends_stay(frames, data):
    source, target = data.draw(st.integers(1, frames - 2)), data.draw(st.integers(1, frames - 2))
    images = random_images(2, 1, frames, 3)
    warped = time_warp(tf.constant(images), tf.constant([[source, target]], tf.float32)).numpy()
    np.testing.assert_allclose(warped[:, [0, target, -1]], images[:, [0, source, -1]], atol=1e-2)
    np.testing.assert_allclose(warped[0], oracle.time_warp(images[0], source, target), atol=1e-2)


@pytest.mark.parametrize("frames", [1, 2])
def test_images_too_short_to_warp_stay_as_they_are(frames):
    policy = dataclasses.replace(NOTHING, time_warp_frames=5)
    images = random_images(0, 4, frames, 3)
    np.testing.assert_array_equal(spec_augment(tf.constant(images), random_uniforms(policy), policy), images)


@pytest.mark.parametrize("fill, expected", [("zero", lambda image: 0.0), ("minimum", np.min), ("mean", np.mean)])
def test_what_a_mask_hides_becomes_zero_or_the_images_minimum_or_mean(fill, expected):
    policy = SpecAugment(frequency_masks=1, frequency_mask_bands=20, time_masks=1, time_mask_frames=20, fill=fill)
    images, uniforms = random_images(3, 16), random_uniforms(policy, 16)
    result = spec_augment(tf.constant(images), uniforms, policy).numpy()
    _, frames_kept, bands_kept = places(uniforms, FRAMES, BANDS, policy)
    kept = frames_kept.numpy()[:, :, None] & bands_kept.numpy()[:, None]
    assert 0 < (~kept).sum() < kept.size
    np.testing.assert_array_equal(result[kept], images[kept])
    for image, masked, keep in zip(images, result, kept, strict=True):
        np.testing.assert_allclose(masked[~keep], expected(image), rtol=1e-5)


def test_a_policy_of_nothing_changes_no_bit():
    images = random_images(4)
    for policy in (
        NOTHING,
        SpecAugment(frequency_mask_bands=0, time_mask_frames=0),
        SpecAugment(frequency_masks=0, time_mask_share=0.0),
    ):
        np.testing.assert_array_equal(spec_augment(tf.constant(images), random_uniforms(policy), policy), images)


@pytest.mark.parametrize(
    "name, W, F, mF, T, p, mT",
    [
        ("LB", 25, 27, 1, 31, 1.0, 1),
        ("LD", 25, 27, 2, 31, 1.0, 2),
        ("SM", 12, 15, 2, 22, 0.2, 2),
        ("SS", 12, 27, 2, 22, 0.2, 2),
    ],
)
def test_published_policies_are_scaled_to_the_same_time_and_share_of_bands(name, W, F, mF, T, p, mT):
    expected = SpecAugment(
        time_warp_frames=W,
        frequency_mask_bands=F,
        frequency_masks=mF,
        time_mask_frames=T,
        time_mask_share=p,
        time_masks=mT,
    )
    assert SpecAugment.published(name) == expected
    assert SpecAugment.published(name, bands=160).frequency_mask_bands == 2 * F


@pytest.mark.parametrize(
    "name, W, F, mF, T, p, mT",
    [
        ("LB", 80, 27, 1, 100, 1.0, 1),
        ("LD", 80, 27, 2, 100, 1.0, 2),
        ("SM", 40, 15, 2, 70, 0.2, 2),
        ("SS", 40, 27, 2, 70, 0.2, 2),
    ],
)
def test_a_frame_every_10_ms_has_the_policies_of_the_paper(name, W, F, mF, T, p, mT):
    policy = SpecAugment.published(name, bands=80, hop_s=0.010)
    assert dataclasses.astuple(policy)[:6] == (W, mF, F, mT, T, p)
    assert name in POLICIES


@pytest.mark.parametrize("axis", ["bands", "frames"])
def test_one_mask_is_of_the_kind_that_tensorflow_io_makes(axis):
    """There widths are 0 .. param - 1 and starts 0 .. size - width - 1; ours include the greatest of each."""
    tfio = pytest.importorskip("tensorflow_io", reason="tensorflow-io is not built for this version of Python")
    param, size = 6, 20
    policy = (
        SpecAugment(frequency_masks=1, frequency_mask_bands=param - 1, time_masks=0)
        if axis == "bands"
        else SpecAugment(frequency_masks=0, time_masks=1, time_mask_frames=param - 1)
    )
    theirs = tfio.audio.freq_mask if axis == "bands" else tfio.audio.time_mask
    shape = (7, size) if axis == "bands" else (size, 7)
    tf.random.set_seed(3)
    masked_there = np.stack([theirs(tf.ones(shape), param).numpy() for _ in range(400)])
    masked_here = spec_augment(tf.ones((400, *shape)), random_uniforms(policy, 400), policy).numpy()
    widths = []
    for masked in (masked_there, masked_here):
        along = masked if axis == "bands" else masked.transpose(0, 2, 1)
        assert np.array_equal(along, np.repeat(along[:, :1], 7, axis=1))  # the whole of the other axis
        hidden = along[:, 0] == 0
        assert set(np.unique(masked)) == {0, 1}
        begins = (np.diff(hidden.astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1)
        assert begins.max() == 1
        widths.append(np.bincount(hidden.sum(axis=1), minlength=param))
    assert len(widths[0]) == len(widths[1]) == param
    assert scipy.stats.chi2_contingency(widths).pvalue > RARE


@pytest.mark.parametrize("policy", [SpecAugment.published("LD"), SpecAugment(fill="mean"), SpecAugment(fill="minimum")])
def test_images_are_the_same_eagerly_in_tf_data_and_compiled(policy):
    images, uniforms = random_images(5, 8), random_uniforms(policy, 8)
    eager = spec_augment(tf.constant(images), uniforms, policy).numpy()
    mapped = tf.data.Dataset.from_tensors((images, uniforms)).map(lambda i, u: spec_augment(i, u, policy))
    np.testing.assert_array_equal(next(iter(mapped)), eager)
    compiled = tf.function(lambda i, u: spec_augment(i, u, policy), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(images), uniforms), eager, atol=5e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_warp_frames": -1},
        {"frequency_masks": -1},
        {"frequency_mask_bands": -1},
        {"time_masks": -1},
        {"time_mask_frames": -1},
        {"time_mask_share": 1.5},
        {"time_mask_share": float("nan")},
        {"fill": "noise"},
    ],
)
def test_a_policy_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        SpecAugment(**wrong)


def test_an_unknown_policy_is_refused_with_the_names_of_the_known():
    with pytest.raises(DataError, match="LB, LD, SM, SS"):
        SpecAugment.published("XL")


@pytest.mark.parametrize("fill", ["zero", "mean", "minimum"])
def test_what_is_not_augmented_stays_as_it_is_to_the_bit(fill):
    policy = dataclasses.replace(SpecAugment.published("LD"), fill=fill)
    images, augmented = random_images(7, 40), np.arange(40) % 2 == 1
    result = policy.apply(batch_of(images), drawn_by(policy, 40, augmented)).images.numpy()
    np.testing.assert_array_equal(result[~augmented], images[~augmented])
    assert np.any(result != images, axis=(1, 2))[augmented].mean() > 0.9


def test_the_numbers_of_one_epoch_are_literally_these():
    """A change of them changes what every resumed run trains on."""
    policy = SpecAugment(frequency_masks=0, time_masks=0)
    expected = [[0.642215, 0.580566], [0.698658, 0.967816], [0.753374, 0.764578], [0.776811, 0.661960]]
    np.testing.assert_allclose(drawn_by(policy, 4, seed=7, epoch=3).uniforms, expected, atol=1e-6)
