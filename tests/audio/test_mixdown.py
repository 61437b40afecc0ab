"""Channels to one, and values beyond, at and far below full scale."""

import numpy as np
import pytest

from fat2019.audio.decode import read_audio
from tests.audio.recordings import NOISE, RATE, reason, write


def test_channels_are_averaged(tmp_path):
    both = np.stack([NOISE, NOISE[::-1]], axis=1)
    expected = np.rint(both.astype(float).mean(axis=1)).astype(np.int16)
    np.testing.assert_array_equal(read_audio(write(tmp_path / "x.wav", both), RATE).samples, expected)


@pytest.mark.parametrize("peak", [1.01, 2.0, 7.9])
def test_values_beyond_full_scale_scale_the_clip_down_and_are_told_of(tmp_path, peak):
    values = np.array([peak, -peak / 2, 0.5])
    found = read_audio(write(tmp_path / "x.wav", values, subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(found.samples, np.rint(np.float32(values * 32_767 / peak)))
    [note] = found.notes
    assert note.startswith(f"peaks of {peak:.2f} times full scale: scaled down by ")


def test_values_at_full_scale_are_as_loud_as_they_are(tmp_path):
    found = read_audio(write(tmp_path / "x.wav", np.array([1.0, -1.0, 0.5]), subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(found.samples, [32_767, -32_768, 16_384])
    assert found.notes == ()


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_samples_far_beyond_full_scale_are_refused(tmp_path, subtype, rate):
    for sound in (NOISE.astype(float), np.where(np.arange(200_000) == 150_000, -8.5, 0.1)):
        path = write(tmp_path / "x.wav", sound, rate, subtype=subtype)
        expected = f"{path}: samples of up to {np.abs(sound).max():,.0f} where -1 to 1 is full scale"
        assert reason(path) == f"{expected}: saved without dividing?"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path, bad):
    for rate in (RATE, 44_100):
        sound = np.full(3_000, 0.1)
        sound[1_500] = bad
        assert "not finite" in reason(write(tmp_path / "x.wav", sound, rate, subtype="FLOAT"))


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("value", [0, 700])
def test_a_clip_of_one_value_has_no_signal(tmp_path, rate, value, small_blocks):
    path = write(tmp_path / "x.wav", np.full(400_000, value, np.int16), rate)  # more than a block
    assert "no signal" in reason(path)


def test_a_sound_that_is_too_high_for_the_rate_has_no_signal(tmp_path):
    sound = np.rint(20 * np.sin(np.pi * 0.9 * np.arange(44_100))).astype(np.int16)  # of 20 kHz
    assert "no signal" in reason(write(tmp_path / "x.wav", np.tile(sound[:40], 1000), 44_100))


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "DOUBLE"])
def test_a_recording_too_quiet_for_16_bits_is_amplified_and_told_of(tmp_path, subtype):
    quiet = NOISE / 32_768 * 2e-5  # less than half a step of 16 bits
    found = read_audio(write(tmp_path / "x.wav", quiet, subtype=subtype), RATE)
    assert np.abs(found.samples).max() == 32_767
    if subtype != "PCM_24":
        np.testing.assert_allclose(found.samples, quiet * (32_767 / np.abs(quiet).max()), atol=1)
    assert "of which 16 bits hold nothing: amplified" in found.notes[0]


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_a_constant_and_the_noise_of_its_rounding_stay_no_signal_at_any_depth(tmp_path, subtype):
    dither = np.random.default_rng(0).integers(0, 2, 5_000) / 2**23
    assert "no signal: silence" in reason(write(tmp_path / "x.wav", 0.1 + dither, subtype=subtype))


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_of_channels_in_opposite_phase_the_louder_is_taken_and_told_of(tmp_path, subtype):
    rumble = np.random.default_rng(0).integers(-20, 20, len(NOISE))
    both = np.stack([NOISE // 2 + rumble, -(NOISE // 2) - NOISE // 50], axis=1) / 32_768
    found = read_audio(write(tmp_path / "x.wav", both, subtype=subtype), RATE)
    np.testing.assert_allclose(found.samples, both[:, 1] * 32_768, atol=1)
    assert found.notes == ("its channels cancel one another out: channel 2, the loudest, is used",)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_that_do_not_cancel_are_averaged_without_a_word(tmp_path, channels):
    random = np.random.default_rng(0)
    apart = random.integers(-9_000, 9_000, (9_000, channels)).astype(np.int16)
    alone = np.where(np.arange(channels) == 1, apart, 0).astype(np.int16)
    for sound in (apart, alone):
        found = read_audio(write(tmp_path / "x.wav", sound), RATE)
        assert found.notes == ()
        np.testing.assert_array_equal(found.samples, np.rint(sound.astype(np.float32).mean(axis=1)).astype(np.int16))
