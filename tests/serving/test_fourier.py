import numpy as np
import pytest
import scipy.fft

from fat2019.serving.fourier import real_fft


@pytest.mark.parametrize("length", [2, 4, 8, 16, 512, 1024, 2048])
def test_powers_of_two_are_transformed_to_the_last_bit_as_scipy_does(length):
    frames = np.random.default_rng(length).normal(size=(50, length)).astype(np.float32)
    expected = scipy.fft.rfft(frames)
    real, imaginary = real_fft(frames, length)
    np.testing.assert_array_equal(real, expected.real)
    np.testing.assert_array_equal(imaginary, expected.imag)


def test_other_lengths_are_transformed_to_a_rounding():
    frames = np.random.default_rng(0).normal(size=(5, 1000)).astype(np.float32)
    real, imaginary = real_fft(frames, 1000)
    np.testing.assert_allclose(real.numpy() + 1j * imaginary.numpy(), scipy.fft.rfft(frames), atol=1e-4)
