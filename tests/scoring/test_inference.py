import keras
import numpy as np
import pytest

from fat2019.feed.tiles import tiled_starts
from fat2019.scoring import inference
from fat2019.scoring.inference import score_clips
from tests.run_folders import tiny_network


@pytest.fixture(scope="module")
def network(store):
    return tiny_network(store.config.window_frames, store.config.mel_bands, len(store.vocabulary))


def scores_window_by_window(network, store, clip, starts):
    """(windows, classes), each window cut, scaled and scored by itself."""
    log_mel = store.read_log_mels(np.array([clip])).log_mel
    scores = []
    for start in starts:
        window = log_mel[start : start + store.config.window_frames].astype(np.float32)
        low, high = window.min(), window.max()
        image = (window - low) * 255 / (high - low)
        scores.append(network(image[None, :, :, None], training=False).numpy()[0])
    return np.array(scores)


def test_tiled_scores_are_the_means_over_windows_that_cover_the_clip(store, network):
    clips = np.array([3, 0, 9])
    expected = [
        scores_window_by_window(
            network,
            store,
            clip,
            tiled_starts(int(store.clips["frames"][clip]), store.config.window_frames, store.config.window_frames),
        ).mean(axis=0)
        for clip in clips
    ]
    np.testing.assert_allclose(score_clips(network, store, clips), expected, rtol=1e-4)


def test_the_max_energy_score_is_that_of_the_loudest_window(store, network):
    config, clips = store.config, np.arange(len(store.clips))
    for clip, score in zip(clips, score_clips(network, store, clips, windows="max-energy"), strict=True):
        audio = store.audio(store.clips["fname"][clip]).astype(np.int64)
        audio = np.resize(audio, max(len(audio), config.window_samples))  # short clips are repeated
        hops = range(int(store.clips["frames"][clip]) - config.window_frames + 1)
        energy = [
            (audio[hop * config.hop_samples :][: config.window_hops * config.hop_samples] ** 2).sum() for hop in hops
        ]
        candidates = scores_window_by_window(network, store, clip, np.flatnonzero(np.array(energy) == max(energy)))
        assert np.isclose(candidates, score, rtol=1e-4).all(axis=1).any()


def test_clips_are_scored_alike_whatever_the_size_of_groups_and_batches(store, network, monkeypatch):
    clips = np.arange(len(store.clips))
    expected = score_clips(network, store, clips)
    told = []
    monkeypatch.setattr(inference, "_CLIPS_AT_ONCE", 7)
    np.testing.assert_allclose(
        score_clips(network, store, clips, batch_windows=5, progress=told.append), expected, rtol=1e-5
    )
    assert told == [7, 14, 21, 28, 35, 40]


def test_the_order_of_the_clips_is_the_one_asked_for(store, network):
    clips = np.array([30, 2, 17])
    np.testing.assert_allclose(
        score_clips(network, store, clips)[::-1], score_clips(network, store, clips[::-1]), rtol=1e-5
    )


def test_no_clips_have_no_scores(store, network):
    assert score_clips(network, store, np.zeros(0, np.int64)).shape == (0, len(store.vocabulary))


def test_dropout_and_batch_normalisation_are_at_rest(store):
    image = keras.Input((store.config.window_frames, store.config.mel_bands, 1))
    means = keras.layers.BatchNormalization()(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Dropout(0.9)(means)))
    before = model.get_weights()
    first, second = (score_clips(model, store, np.arange(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
