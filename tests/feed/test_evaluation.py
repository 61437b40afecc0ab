"""The windows of evaluation: tiles that leave no frame out, or the loudest one."""

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.feed.evaluation import EvaluationWindows
from tests.feeds import batches, joined
from tests.oracles import feed as oracle


@pytest.mark.parametrize("hop", [None, 92, 30])
def test_tiled_evaluation_gives_every_frame_of_every_clip_in_order(store, hop):
    flat = store.read_log_mels()
    tiles = EvaluationWindows(flat, store.config, hop_frames=hop)
    images, clips = joined(batches(tiles.dataset(5)))
    np.testing.assert_array_equal(clips, tiles.clip)
    np.testing.assert_array_equal(np.unique(clips), np.arange(len(store.clips)))
    assert np.all(np.diff(clips) >= 0)
    for clip, frames in enumerate(store.clips["frames"]):
        seen = {frame for start in tiles.start[tiles.clip == clip] for frame in range(start, start + 92)}
        assert seen == set(range(frames))
    for image, clip, start in zip(images, clips, tiles.start, strict=True):
        window = flat.log_mel[flat.frame_offset[clip] + start :][:92]
        np.testing.assert_allclose(image[..., 0], oracle.scaled(window), atol=1e-3)


def test_the_loudest_window_of_evaluation_is_that_of_a_search_through_the_audio(store):
    windows = EvaluationWindows(store.read_log_mels(), store.config, windows="max-energy")
    np.testing.assert_array_equal(windows.clip, np.arange(len(store.clips)))
    for start, fname, frames in zip(windows.start, store.clips["fname"], store.clips["frames"], strict=True):
        audio = np.resize(store.audio(fname), max(48_000, len(store.audio(fname)))).astype(np.float64)
        energies = [np.sum(audio[s * 512 : s * 512 + 47_616] ** 2) for s in range(frames - 91)]
        assert start == np.argmax(energies)


@pytest.mark.parametrize("hop", [0, 93])
def test_tiles_that_would_leave_frames_out_are_refused(store, hop):
    with pytest.raises(DataError, match="hop_frames"):
        EvaluationWindows(store.read_log_mels(), store.config, hop_frames=hop)


def test_evaluation_of_no_clips_gives_no_batch(store):
    windows = EvaluationWindows(store.read_log_mels(np.zeros(0, np.int64)), store.config)
    assert batches(windows.dataset()) == []
