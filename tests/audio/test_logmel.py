"""Log-mel against librosa, and the identities on which stored log-mels rest."""

import dataclasses
import math

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fat2019.audio.logmel import cumulative_energy, log_mel, repeat_to
from fat2019.config.features import NAMED, FeatureConfig
from tests.oracles import librosa_log_mel as oracle

CONFIG = FeatureConfig()
CONFIGS = {
    "the report's": CONFIG,
    "quarter hop": FeatureConfig(hop_samples=256),
    "no overlap": FeatureConfig(n_fft=512, hop_samples=512),
    "44.1 kHz": FeatureConfig(
        sample_rate_hz=44_100,
        n_fft=2048,
        hop_samples=1024,
        mel_bands=128,
        fmin_hz=20.0,
        fmax_hz=22_050.0,
        window_samples=132_300,
    ),
    "few bands, part of the range": FeatureConfig(mel_bands=5, fmin_hz=300.0, fmax_hz=3400.0),
    "bands in no multiple of a group": FeatureConfig(mel_bands=61),
    "frames of no power of two": FeatureConfig(n_fft=800, hop_samples=400),
    "magnitudes in decibels": FeatureConfig(spectrum="magnitude"),
}
YAMNET = NAMED["yamnet"]
WITH_PARTS_OF_HOPS = {**CONFIGS, "frames of two hops and a half": YAMNET}


def noise(count: int, rms: float = 3000, seed: int = 0) -> NDArray[np.int16]:
    wave = np.random.default_rng(seed).normal(scale=rms, size=count)
    return np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)


def sine(hz: float, count: int = 16_000, rate: int = 16_000) -> NDArray[np.int16]:
    return np.rint(20_000 * np.sin(2 * np.pi * hz * np.arange(count) / rate)).astype(np.int16)


def chirp_after_a_pause() -> NDArray[np.int16]:
    time = np.arange(24_000) / 16_000
    chirp = 15_000 * np.sin(2 * np.pi * (50 + 2500 * time) * time)
    return np.concatenate([np.zeros(5000), chirp]).astype(np.int16)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("rms", [2, 3000])
def test_noise_has_librosas_decibels(config: FeatureConfig, rms: float) -> None:
    # A band of noise is at most 25 dB below its frame's loudest, so what a float32 transform rounds (2e-7 of
    # the loudest amplitude) is 4e-6 of its own, 3e-5 dB; a value near -100 dB is itself a multiple of 8e-6.
    samples = noise(30_000, rms)
    mels = log_mel(samples, config)
    assert mels.dtype == np.float32
    np.testing.assert_allclose(mels, oracle.log_mel(samples / 32_768, config), rtol=0, atol=5e-5)


TONAL = {"low": sine(440), "high": sine(7990), "chirp": chirp_after_a_pause()}


@pytest.mark.parametrize("samples", TONAL.values(), ids=TONAL)
def test_a_quiet_band_errs_by_the_rounding_of_the_loud_one_beside_it(samples: NDArray[np.int16]) -> None:
    # A float32 transform rounds relative to the whole frame: a few eps (1.2e-7) of the loudest amplitude in
    # it. So the amplitudes are compared relative to the frame's loudest band.
    amplitude = np.sqrt(10 ** (log_mel(samples).astype(np.float64) / 10))
    expected = np.sqrt(np.maximum(CONFIG.power_floor, oracle.mel_power(samples / 32_768, CONFIG)))
    tolerance = 5e-7 * (expected + expected.max(axis=1, keepdims=True))
    assert (np.abs(amplitude - expected) <= tolerance).all()


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_a_band_narrower_than_a_bin_is_the_floor() -> None:
    config = FeatureConfig(n_fft=64, hop_samples=64, mel_bands=200)  # some groups of bands have no bin
    mels = log_mel(noise(4000), config)
    expected = oracle.log_mel(noise(4000) / 32_768, config)
    assert (expected == -100).all(axis=0).any()
    np.testing.assert_allclose(mels, expected, rtol=0, atol=5e-5)


def test_int16_and_the_same_signal_in_float32_are_equal_to_the_last_bit() -> None:
    samples = noise(20_000)
    np.testing.assert_array_equal(log_mel(samples), log_mel((samples / 32_768).astype(np.float32)))


def test_full_scale_white_noise_is_not_clipped_by_the_scale() -> None:
    samples = np.where(np.random.default_rng(0).random(20_000) < 0.5, -32_768, 32_767).astype(np.int16)
    np.testing.assert_allclose(log_mel(samples), oracle.log_mel(samples / 32_768, CONFIG), rtol=0, atol=5e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 400), st.integers(1, 200))
def test_frames_of_the_whole_clip_are_the_frames_of_the_clip_cut_there(first: int, frames: int) -> None:
    # The batch in which a frame is transformed may change the order of additions, hence not to the last bit.
    clip = noise(512 * 700)
    start, end = first * 512, (first + frames - 1) * 512 + 1024
    np.testing.assert_allclose(log_mel(clip)[first : first + frames], log_mel(clip[start:end]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("config", WITH_PARTS_OF_HOPS.values(), ids=WITH_PARTS_OF_HOPS)
def test_a_hop_more_makes_a_frame_more(config: FeatureConfig) -> None:
    for frames in (1, 2, 3, 127, 128, 129):
        first = config.frame_samples + (frames - 1) * config.hop_samples
        for samples in (first, first + config.hop_samples - 1):
            assert log_mel(np.zeros(samples, np.int16), config).shape == (frames, config.mel_bands)


def test_a_window_of_three_seconds_makes_an_image_of_92_by_80() -> None:
    assert log_mel(np.zeros(48_000, np.int16)).shape == (92, 80)


def test_digital_silence_is_the_floor_to_the_last_bit() -> None:
    assert (log_mel(np.zeros(48_000, np.int16)) == -100.0).all()
    louder = dataclasses.replace(CONFIG, power_floor=1e-5)
    assert (log_mel(np.zeros(48_000, np.int16), louder) == -50.0).all()


def test_what_is_quieter_than_the_floor_is_the_floor() -> None:
    samples = noise(4000, rms=1)
    louder = dataclasses.replace(CONFIG, power_floor=1e-5)
    np.testing.assert_allclose(log_mel(samples, louder), np.maximum(log_mel(samples), -50.0), rtol=0, atol=0)


@pytest.mark.parametrize("band", [0, 10, 40, 60, 79])
def test_a_sine_is_loudest_in_the_band_centred_on_it(band: int) -> None:
    centre = librosa.mel_frequencies(n_mels=82, fmin=0, fmax=8000)[band + 1]
    assert (log_mel(sine(centre)).argmax(axis=1) == band).all()


def test_a_clip_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 1024 \(n_fft\), received 1023"):
        log_mel(np.zeros(1023, np.int16))


@pytest.mark.parametrize("samples", [np.zeros(2000), np.zeros((2000, 2), np.int16)], ids=["double", "stereo"])
def test_other_types_and_shapes_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected int16 or float32 \(samples,\), received"):
        log_mel(samples)


def test_a_short_clip_is_repeated_and_cut_to_the_minimum() -> None:
    assert repeat_to(np.array([1, 2, 3], np.int16), 8).tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert repeat_to(np.array([1, 2, 3], np.int16), 8).dtype == np.int16


@pytest.mark.parametrize("minimum", [2, 3])
def test_a_clip_that_is_long_enough_is_returned_as_it_is(minimum: int) -> None:
    samples = np.array([1, 2, 3], np.int16)
    assert repeat_to(samples, minimum) is samples


def test_an_empty_clip_cannot_be_repeated() -> None:
    with pytest.raises(ValueError, match="at least one to repeat"):
        repeat_to(np.empty(0, np.int16), 10)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5000), st.data())
def test_the_energy_of_any_frames_is_one_subtraction(seed: int, beyond: int, data: st.DataObject) -> None:
    samples = noise(1024 + beyond, rms=20_000, seed=seed)
    energy = cumulative_energy(samples)
    frames = CONFIG.frames(len(samples))
    assert energy.dtype == np.int64
    assert energy.shape == (frames + 2,)
    assert energy[0] == 0
    first = data.draw(st.integers(0, frames - 1))
    count = data.draw(st.integers(1, frames - first))
    assert energy[first + count + 1] - energy[first] == oracle.energy_of_frames(samples, first, count, CONFIG)


def test_the_energy_of_a_window_is_that_of_its_47616_samples() -> None:
    samples = noise(100_000)
    energy = cumulative_energy(samples)
    window = samples[512 * 7 : 512 * 7 + 47_616].astype(np.int64)
    assert energy[7 + CONFIG.window_hops] - energy[7] == (window**2).sum()


@pytest.mark.parametrize("config", WITH_PARTS_OF_HOPS.values(), ids=WITH_PARTS_OF_HOPS)
def test_the_energy_has_a_value_for_every_hop_that_the_frames_see(config: FeatureConfig) -> None:
    samples = noise(10_000)
    energy = cumulative_energy(samples, config)
    frames = config.frames(len(samples))
    assert len(energy) == frames + math.ceil(config.frame_samples / config.hop_samples)
    assert energy[-1] == oracle.energy_of_frames(samples, 0, frames, config)


def test_full_scale_energy_is_exact() -> None:
    energy = cumulative_energy(np.full(1_000_000, -32_768, np.int16))
    assert energy[-1] == (len(energy) - 1) * 512 * 2**30


def test_the_energy_of_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="expected int16, whose energy is exact, received float32"):
        cumulative_energy(np.zeros(2000, np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("rms", [2, 300, 9000])
def test_yamnets_front_end_is_that_of_tensorflows_signal_package(rms: float) -> None:
    from tests.oracles import yamnet as yamnet_oracle  # which loads TensorFlow

    samples = np.concatenate([noise(20_000, rms), sine(440, 9_000), np.zeros(2_000, np.int16)])
    mels = log_mel(samples, YAMNET)
    assert mels.shape == ((31_000 - 400) // 160 + 1, 64)
    np.testing.assert_allclose(mels, yamnet_oracle.log_mel(samples / np.float32(32_768)), rtol=0, atol=1e-4)


def test_a_patch_of_yamnet_is_096_seconds() -> None:
    assert log_mel(np.zeros(15_600, np.int16), YAMNET).shape == (96, 64)
    assert (YAMNET.window_frames, YAMNET.mel_bands) == (96, 64)


def test_silence_in_yamnets_front_end_is_the_logarithm_of_its_offset() -> None:
    silence = log_mel(np.zeros(15_600, np.int16), YAMNET)
    assert (silence == np.log(np.float32(0.001))).all()
    assert YAMNET.log_floor == pytest.approx(math.log(0.001))


def test_the_energy_of_frames_between_hops_is_that_of_the_hops_they_touch() -> None:
    samples = noise(15_600)  # the last of 96 frames ends in the middle of a hop, and the clip with it
    energy = cumulative_energy(samples, YAMNET)
    assert YAMNET.window_hops == 98
    assert energy[YAMNET.window_hops] - energy[0] == (samples.astype(np.int64) ** 2).sum()
    longer = noise(16_000)
    energy = cumulative_energy(longer, YAMNET)
    assert energy[1 + 98] - energy[1] == (longer[160 : 160 + 98 * 160].astype(np.int64) ** 2).sum()


def test_frames_shorter_than_the_transform_are_refused_by_their_own_name() -> None:
    with pytest.raises(ValueError, match=r"at least 400 \(win_samples\), received 399"):
        log_mel(np.zeros(399, np.int16), YAMNET)
