"""What becomes of the clips of one shard."""

from concurrent.futures import Executor, Future

import numpy as np
import pytest
import soundfile

from fat2019.audio.silence import desilence
from fat2019.config.features import NAMED, FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from tests.builds import build
from tests.faults.sounds import data_set, set_time


def test_what_is_stored_is_the_desilenced_sound(sounds, tmp_path):
    sound = np.concatenate([np.full(16_000, 3000), np.zeros(48_000), np.full(16_000, -3000)]).astype(np.int16)
    soundfile.write(sounds / "train_curated" / "c000.wav", sound, 16_000)
    summary = build(sounds, tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")
    expected, _ = desilence(sound, 16_000, FeatureConfig().silence_rule("curated", 5.0))
    assert len(expected) < len(sound)
    np.testing.assert_array_equal(store.audio("c000.wav"), expected)
    assert summary.clips == len(store.clips) == 16
    assert summary.audio_seconds_before > summary.audio_seconds_after > 0
    assert summary.audio_seconds_after == pytest.approx(store.clips["samples"].sum() / 16_000)


def test_a_clip_that_is_silence_by_the_rule_is_kept_whole_and_flagged(sounds, tmp_path):
    murmur = np.random.default_rng(0).integers(-4, 5, 20_000).astype(np.int16)
    soundfile.write(sounds / "train_noisy" / "n000.wav", murmur, 16_000)
    build(sounds, tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")
    np.testing.assert_array_equal(store.audio("n000.wav"), murmur)
    assert list(store.clips[store.clips["kept_whole"]]["fname"]) == ["n000.wav"]


def test_a_clip_that_changes_while_it_is_built_stops_the_build(sounds, tmp_path):
    clips = data_set(sounds)

    class Meddler(Executor):
        def submit(self, function, task, /):  # type: ignore[override]
            future = Future()
            set_time(task.sources[0].path, 1_900_000_000)
            try:
                future.set_result(function(task))
            except DataError as error:
                future.set_exception(error)
            return future

    with pytest.raises(DataError, match="changed while the store was being built"):
        build_features(clips, tmp_path / "s", FeatureConfig(), executor=Meddler())
    assert build(sounds, tmp_path / "s").clips == 16  # the same command resumes


def test_the_wide_configuration_doubles_the_rate_and_keeps_the_windows_time(sounds, tmp_path):
    build(sounds, tmp_path / "wide", config=NAMED["wide"])
    build(sounds, tmp_path / "plain")
    wide, plain = FeatureStore.open(tmp_path / "wide"), FeatureStore.open(tmp_path / "plain")
    assert (wide.config.window_frames, wide.config.mel_bands) == (92, 128)
    assert wide.config.window_samples / wide.config.sample_rate_hz == 3 == plain.config.window_samples / 16_000
    flat = wide.read_log_mels()
    assert flat.log_mel.shape[1] == 128 and np.diff(flat.frame_offset).min() >= 92
    assert list(wide.clips["fname"]) == list(plain.clips["fname"])
    assert np.all(flat.log_mel.min(axis=0) < flat.log_mel.max(axis=0))  # no band is without a filter
