"""Windows as NumPy makes them, against those of the feed."""

import numpy as np
import pytest

from fat2019.feed.evaluation import EvaluationWindows
from fat2019.feed.tiles import cut, tiles, to_image


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("hop_frames", [None, 30])
def test_images_are_those_of_the_feed_to_the_last_bit(open_store, dtype, hop_frames):
    store = open_store(dtype)
    flat = store.read_log_mels()
    windows = EvaluationWindows(flat, store.config, hop_frames=hop_frames)
    expected = np.concatenate([images.numpy() for images, _ in windows.dataset()])
    clips = np.split(flat.log_mel, flat.frame_offset[1:-1])
    numbers, starts = tiles(clips, store.config, hop_frames)
    np.testing.assert_array_equal(numbers, windows.clip)
    np.testing.assert_array_equal(starts, windows.start)
    np.testing.assert_array_equal(cut(clips, numbers, starts, store.config), expected)


def test_a_window_of_one_value_is_black():
    assert not to_image(np.full((1, 4, 3), 7, np.uint8)).any()
