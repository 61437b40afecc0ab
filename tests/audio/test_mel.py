"""The mel filters against those of librosa and TensorFlow."""

import dataclasses

import librosa
import numpy as np
import pytest

from fat2019.audio.mel import mel_filters
from fat2019.config.features import NAMED, FeatureConfig

CONFIGS = [
    FeatureConfig(),
    FeatureConfig(sample_rate_hz=32_000, mel_bands=128, fmax_hz=16_000.0),
    FeatureConfig(mel_bands=40, fmin_hz=500.0, fmax_hz=7_000.0),
    NAMED["yamnet"],
]


@pytest.mark.parametrize("config", CONFIGS)
def test_filters_are_librosas(config: FeatureConfig) -> None:
    config = dataclasses.replace(config, reference="librosa")
    expected = librosa.filters.mel(
        sr=config.sample_rate_hz, n_fft=config.n_fft, n_mels=config.mel_bands, fmin=config.fmin_hz, fmax=config.fmax_hz
    )
    np.testing.assert_allclose(mel_filters(config), expected, rtol=0, atol=2e-7 * expected.max())


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_filters_are_tensorflows(config: FeatureConfig) -> None:
    tf = pytest.importorskip("tensorflow")
    config = dataclasses.replace(config, reference="tensorflow")
    expected = tf.signal.linear_to_mel_weight_matrix(
        config.mel_bands,
        config.n_fft // 2 + 1,
        config.sample_rate_hz,
        config.fmin_hz,
        config.fmax_hz,
        dtype=tf.float64,
    )
    np.testing.assert_allclose(mel_filters(config), tf.transpose(expected), rtol=0, atol=1e-6)
