"""The one way from a file to the arrays of a store."""

import numpy as np
import pytest
import soundfile

from fat2019.audio.clip import arrays_of, load_clip, stored_log_mel
from fat2019.audio.logmel import cumulative_energy, log_mel, repeat_to
from fat2019.audio.quantise import quantise
from fat2019.config.features import NAMED, FeatureConfig
from tests.audio.recordings import NOISE, RATE, write

CONFIG = FeatureConfig()


@pytest.fixture
def with_a_pause(tmp_path):
    """A second of noise, three of silence, and a second of noise."""
    pause = np.zeros(3 * RATE, np.int16)
    noise = np.resize(NOISE, RATE)
    return write(tmp_path / "x.wav", np.concatenate([noise, pause, noise]))


def test_what_is_kept_are_the_ranges_that_are_no_silence(with_a_pause):
    clip = load_clip(with_a_pause, "curated", CONFIG)
    assert clip.seconds == 5 and not clip.kept_whole
    assert 2 * RATE <= len(clip.audio) < 4 * RATE
    np.testing.assert_array_equal(np.concatenate([clip.recorded[begin:end] for begin, end in clip.kept]), clip.audio)


def test_a_clip_of_nothing_but_silence_is_kept_whole(tmp_path):
    quiet = np.resize(np.array([4, -4], np.int16), RATE)
    clip = load_clip(write(tmp_path / "x.wav", quiet), "curated", CONFIG)
    assert clip.kept_whole and clip.kept.tolist() == [[0, RATE]]
    np.testing.assert_array_equal(clip.audio, quiet)


def test_another_rate_becomes_that_of_the_configuration(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.resize(NOISE, 44_100), 44_100)
    clip = load_clip(tmp_path / "x.wav", "test", CONFIG)
    assert (clip.rate_hz, len(clip.recorded), clip.decoded.source_samples) == (RATE, RATE, 44_100)


@pytest.mark.parametrize("config", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("share", [0.3, 2.5])
def test_all_arrays_are_of_the_sound_repeated_to_a_window_where_it_is_shorter(config, share):
    audio = np.resize(NOISE, round(share * config.window_samples))
    repeated = repeat_to(audio, config.window_samples)
    stored, value_range, energy = arrays_of(audio, config)
    for found, expected in zip((stored, value_range), quantise(log_mel(repeated, config), config), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(energy, cumulative_energy(repeated, config))
    assert len(stored) >= config.window_frames
    for found, expected in zip(stored_log_mel(audio, config), (stored, value_range), strict=True):
        np.testing.assert_array_equal(found, expected)
