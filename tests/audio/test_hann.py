"""The windows against librosa's and TensorFlow's."""

import platform

import librosa
import numpy as np
import pytest

from fat2019.audio.hann import hann_window, tensorflow_hann_window


def test_the_window_is_librosas() -> None:
    np.testing.assert_allclose(hann_window(1024), librosa.filters.get_window("hann", 1024), rtol=0, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [8, 400, 1000, 2048])
def test_tensorflows_window_is_met_to_the_last_bit(samples: int) -> None:
    tf = pytest.importorskip("tensorflow")
    expected = tf.signal.hann_window(samples).numpy()
    window = tensorflow_hann_window(samples)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, expected, rtol=0, atol=1.2e-7)
    if platform.machine() == "x86_64":  # elsewhere TensorFlow adds and multiplies in one rounding
        np.testing.assert_array_equal(window, expected)


def test_both_windows_are_the_same_to_single_precision() -> None:
    np.testing.assert_allclose(tensorflow_hann_window(400), hann_window(400), rtol=0, atol=3e-7)
