"""Windows: random candidates, the loudest of them, fixed windows, and the scale of images."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fat2019.feed.tiles import tiled_starts
from fat2019.feed.windows import candidate_starts, max_energy_candidate, max_energy_start, to_image

WINDOW = 92
ALMOST_ONE = np.float32(1 - 2**-24)  # the greatest float32 below 1
uniform = st.floats(0, float(ALMOST_ONE), width=32)


@given(st.lists(st.integers(WINDOW, 100_000), min_size=1, max_size=5), st.lists(uniform, min_size=1, max_size=4))
def test_candidates_are_windows_of_the_clip(frames, uniforms):
    starts = candidate_starts(tf.constant([uniforms] * len(frames), tf.float32), tf.constant(frames, tf.int64), WINDOW)
    assert starts.dtype == tf.int64
    expected = [[min(int(np.float32(u) * np.float32(n - WINDOW + 1)), n - WINDOW) for u in uniforms] for n in frames]
    np.testing.assert_array_equal(starts, expected)


def test_a_uniform_just_below_one_gives_the_last_window_whatever_the_length():
    frames = np.arange(WINDOW, WINDOW + 5000)
    starts = candidate_starts(tf.fill([len(frames), 1], ALMOST_ONE), tf.constant(frames), WINDOW)
    np.testing.assert_array_equal(starts[:, 0], frames - WINDOW)


def test_a_clip_of_exactly_one_window_has_that_window_alone():
    starts = candidate_starts(tf.constant([[0.0, 0.5, ALMOST_ONE]]), tf.constant([WINDOW], tf.int64), WINDOW)
    np.testing.assert_array_equal(starts, [[0, 0, 0]])


def test_every_window_of_a_clip_is_equally_likely():
    uniforms = tf.random.stateless_uniform([30_000, 1], [1, 2])
    starts = candidate_starts(uniforms, tf.fill([30_000], np.int64(WINDOW + 24)), WINDOW).numpy()[:, 0]
    assert scipy.stats.chisquare(np.bincount(starts, minlength=25)).pvalue > 0.01


@given(arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.integers(0, 2**62)))
def test_the_max_energy_candidate_is_taken_and_the_first_of_equals(energies):
    starts = np.arange(energies.size).reshape(energies.shape) * 7
    expected = [row[list(energy).index(max(energy))] for row, energy in zip(starts, energies, strict=True)]
    np.testing.assert_array_equal(max_energy_candidate(tf.constant(starts), tf.constant(energies)), expected)


def image_of(windows):
    return to_image(tf.constant(windows), windows.min(axis=(1, 2)), windows.max(axis=(1, 2))).numpy()


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_each_window_is_scaled_from_its_own_range_to_0_to_255(dtype):
    windows = np.random.default_rng(0).uniform(-90, 30, (40, 6, 5)) * np.linspace(0.01, 1, 40)[:, None, None]
    windows = (windows + 100 if dtype == np.uint8 else windows).astype(dtype)
    images = image_of(windows)
    exact = windows.astype(np.float64)
    low, high = exact.min(axis=(1, 2), keepdims=True), exact.max(axis=(1, 2), keepdims=True)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, (exact - low) / (high - low) * 255, rtol=1e-6, atol=1e-4)


@given(st.floats(-200, 200, width=32), st.floats(2.0**-10, 200, width=32))
def test_no_image_exceeds_255(low, span):
    windows = np.array([[[low, low + span]]], np.float32)
    images = image_of(windows)
    assert images.min() == 0
    assert 254.999 < images.max() <= 255


def test_no_stored_range_of_bytes_exceeds_255():
    windows = np.stack([np.zeros(255), np.arange(1, 256)], axis=1).astype(np.uint8)[:, None]  # (255, 1, 2)
    images = image_of(windows)
    assert images.max() <= 255
    np.testing.assert_allclose(images[:, 0], [[0, 255]] * 255, rtol=1e-6)


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_constant_window_is_all_0(dtype, value):
    np.testing.assert_array_equal(image_of(np.full((2, 4, 3), value, dtype)), np.zeros((2, 4, 3)))


def test_images_are_the_same_inside_a_tf_data_graph():
    windows = np.random.default_rng(1).integers(3, 200, (8, 6, 5), np.uint8)
    low, high = windows.min(axis=(1, 2)), windows.max(axis=(1, 2))
    mapped = tf.data.Dataset.from_tensors((windows, low, high)).map(to_image)
    np.testing.assert_array_equal(next(iter(mapped)), image_of(windows))


@given(st.integers(1, 100), st.integers(0, 400), st.data())
def test_tiles_cover_every_frame_at_any_hop(window, more, data):
    frames = window + more
    hop = data.draw(st.integers(1, window))
    starts = tiled_starts(frames, window, hop)
    covered = set()
    for start in starts.tolist():
        assert 0 <= start <= frames - window
        covered.update(range(start, start + window))
    assert covered == set(range(frames))
    assert len(set(starts.tolist())) == len(starts) == 1 + -(-more // hop)  # no window twice, none too many


def test_a_clip_of_exactly_one_window_has_one_tile():
    np.testing.assert_array_equal(tiled_starts(WINDOW, WINDOW, WINDOW), [0])


@given(st.integers(1, 6), st.integers(0, 3), st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_the_max_energy_window_is_that_of_a_search_through_all(window_frames, overlap, energies):
    """``energies`` are those of single hops; a frame of ``overlap + 1`` hops begins at each."""
    window_hops = window_frames + overlap
    by_hop = energies + [0] * window_hops
    frames = len(by_hop) - overlap
    cumulative = np.concatenate([[0], np.cumsum(by_hop)])
    sums = [sum(by_hop[start : start + window_hops]) for start in range(frames - window_frames + 1)]
    start = max_energy_start(cumulative, window_frames, window_hops, frames)
    assert start.shape == (1,)
    assert start[0] == sums.index(max(sums))
