import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.config.features import NAMED
from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.models.level import LevelNormalization
from fat2019.models.networks import build

OFFSET = NAMED["yamnet"].log_offset


def log_mels(magnitudes):
    return np.log(magnitudes + OFFSET).astype(np.float32)


@pytest.fixture(scope="module")
def magnitudes():
    return np.random.default_rng(0).exponential(1, (3, 96, 64, 1))


@given(decibels=st.floats(-30, 30))
def test_a_sound_looks_the_same_however_loud_it_was_recorded(decibels):
    magnitudes = np.random.default_rng(0).exponential(1, (2, 9, 8, 1)) + 0.1
    levelled = LevelNormalization(OFFSET)
    louder = levelled(log_mels(magnitudes * 10 ** (decibels / 20)))
    np.testing.assert_allclose(louder, levelled(log_mels(magnitudes)), atol=2e-3)


def test_each_window_has_its_own_gain_and_the_same_peak(magnitudes):
    levelled = np.asarray(LevelNormalization(OFFSET)(log_mels(magnitudes * [[[[0.1]]], [[[1]]], [[[10]]]])))
    np.testing.assert_allclose(levelled.max(axis=(1, 2, 3)), 2, atol=2e-3)
    expected = magnitudes / magnitudes.max(axis=(1, 2, 3), keepdims=True) * np.exp(2)
    np.testing.assert_allclose(np.exp(levelled), expected + OFFSET, rtol=5e-3)


def test_silence_stays_silence_and_its_rounding_does_not_become_sound():
    silence = np.full((1, 96, 64, 1), np.log(OFFSET), np.float16).astype(np.float32)
    levelled = np.asarray(LevelNormalization(OFFSET)(silence))
    assert np.isfinite(levelled).all()
    assert levelled.max() < np.log(2 * OFFSET)


def test_a_network_levels_its_windows_and_does_so_when_it_is_loaded_again(yamnet_weights, tmp_path, magnitudes):
    config = ModelConfig("yamnet", "linear", str(yamnet_weights), level_windows=True)
    model = build(config, 3, (96, 64))
    model.get_layer("scores").set_weights([np.random.default_rng(1).normal(size=(1024, 3)), np.zeros(3)])
    soft, loud = model(log_mels(magnitudes / 3)), model(log_mels(magnitudes * 3))
    np.testing.assert_allclose(soft, loud, atol=1e-3)
    model.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(again(log_mels(magnitudes)), model(log_mels(magnitudes)), rtol=1e-6)


def test_images_that_are_scaled_by_their_range_anyway_are_not_levelled():
    with pytest.raises(DataError, match="level_windows: expected off for simple"):
        ModelConfig("simple", level_windows=True)
