"""The windows of evaluation: tiles that leave no frame out, or the max-energy one; and with labels, for Keras."""

import keras
import numpy as np
import pytest

from fat2019.config.feed import FeedConfig
from fat2019.errors import DataError
from fat2019.feed.evaluation import EvaluationFeed, EvaluationWindows
from fat2019.feed.training import TrainingFeed
from fat2019.models.keras_metric import LwlrapMetric
from fat2019.scoring.metrics import lwlrap
from tests.examples import run_examples
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


def test_the_max_energy_window_of_evaluation_is_that_of_a_search_through_the_audio(store):
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


def test_windows_of_another_kind_are_refused(store):
    with pytest.raises(DataError, match="windows: expected tiled or max-energy, received 'loudest'"):
        EvaluationWindows(store.read_log_mels(), store.config, windows="loudest")


@pytest.mark.parametrize("windows", ["tiled", "max-energy"])
def test_the_evaluation_feed_gives_each_window_the_labels_of_its_clip(store, windows):
    clips = [7, 2, 11]
    feed = EvaluationFeed(str(store.path), clips, windows=windows)
    images, labels = joined(batches(feed.dataset(4)))
    places = EvaluationWindows(store.read_log_mels(np.array(clips)), store.config, windows=windows)
    expected, clip = joined(batches(places.dataset(4)))
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, store.labels[clips][clip])
    np.testing.assert_array_equal(feed.clip, clip)
    assert labels.dtype == np.float32
    assert (windows == "max-energy") == (len(images) == len(clips))


def test_labels_given_to_the_evaluation_feed_stand_in_place_of_the_stores_own(store):
    given = np.random.default_rng(0).random((3, store.labels.shape[1])).astype(np.float32)
    _, labels = joined(batches(EvaluationFeed(store, [7, 2, 11], given).dataset()))
    np.testing.assert_array_equal(labels, given)


@pytest.mark.parametrize("wrong", [{"clips": [99]}, {"labels": [[7, 0, 0, 0, 0]]}, {"windows": "loudest"}])
def test_an_evaluation_feed_of_what_does_not_fit_is_refused(store, wrong):
    with pytest.raises(DataError, match=f"^{next(iter(wrong))}: expected"):
        EvaluationFeed(**{"store": store, "clips": [1], **wrong})


def test_keras_trains_on_the_training_feed_and_validates_on_the_evaluation_feed(store):
    clips = np.flatnonzero(store.clips["split"] == "curated")
    training, evaluation = TrainingFeed(store, clips[4:], FeedConfig(batch_windows=5)), EvaluationFeed(store, clips[:4])
    layers = (keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(5, "sigmoid"))
    model = keras.Sequential([keras.Input((92, 80, 1)), *layers])
    model.compile("sgd", "binary_crossentropy", metrics=[LwlrapMetric(5)])
    history = model.fit(
        training.dataset(),
        epochs=2,
        steps_per_epoch=training.steps_per_epoch,
        validation_data=evaluation.dataset(3),
        verbose=0,
    ).history
    assert len(history["val_loss"]) == 2
    of_keras = model.evaluate(evaluation.dataset(3), return_dict=True, verbose=0)
    scores = model.predict(evaluation.dataset(3), verbose=0)
    assert of_keras["lwlrap"] == pytest.approx(lwlrap(store.labels[clips[:4]], scores), abs=1e-6)
    assert history["val_loss"][-1] == pytest.approx(of_keras["loss"], rel=1e-5)


def test_the_example_of_the_documentation_runs(store):
    assert run_examples(EvaluationFeed, store=store) > 0
