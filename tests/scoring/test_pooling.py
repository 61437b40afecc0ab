import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.scoring.ensembles import combine
from fat2019.scoring.pooling import pool_windows


def test_the_windows_of_a_clip_become_their_mean():
    scores = np.array([[0.2, 0.4], [0.4, 0.8], [0.9, 0.1]])
    np.testing.assert_allclose(pool_windows(scores, np.array([0, 0, 1]), 2), [[0.3, 0.6], [0.9, 0.1]])


def test_the_geometric_mean_of_windows_is_that_of_their_product():
    scores = np.array([[0.2, 0.4], [0.8, 0.1], [0.9, 0.1]])
    expected = [[np.sqrt(0.16), np.sqrt(0.04)], [0.9, 0.1]]
    np.testing.assert_allclose(pool_windows(scores, np.array([0, 0, 1]), 2, "geometric"), expected)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=8),
    st.sampled_from(["arithmetic", "geometric"]),
    st.integers(0, 10**6),
)
def test_pooling_is_combining_the_windows_of_each_clip_alone(counts, mean, seed):
    scores = np.random.default_rng(seed).random((sum(counts), 3))
    pooled = pool_windows(scores, np.repeat(np.arange(len(counts)), counts), len(counts), mean)
    clips = np.split(scores, np.cumsum(counts)[:-1])
    one_by_one = [combine(list(windows[:, None]), mean)[0] for windows in clips]
    np.testing.assert_allclose(pooled, one_by_one)


@pytest.mark.parametrize(
    ("clip_of_window", "clips"),
    [
        ([0, 0, 2], 3),  # clip 1 has no window
        ([0, 0, 1], 3),  # the last one has none
        ([0, 1, 2], 2),  # there is no clip 2
        ([1, 0, 2], 3),  # out of order
    ],
)
def test_windows_that_do_not_cover_the_clips_in_order_are_refused(clip_of_window, clips):
    with pytest.raises(ValueError, match=f"clips 0 to {clips - 1}"):
        pool_windows(np.ones((3, 2)), np.array(clip_of_window), clips)


def test_as_many_numbers_as_windows_are_needed():
    with pytest.raises(ValueError, match=r"Received shapes \(3, 2\) and \(2,\)"):
        pool_windows(np.ones((3, 2)), np.array([0, 1]), 2)
