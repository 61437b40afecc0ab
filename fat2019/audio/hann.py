"""The periodic Hann window, exact, and as TensorFlow computes it.

TensorFlow evaluates ``0.5 - 0.5 cos`` in single precision, by a polynomial. Its window errs by up to 2e-7, which is
noise 130 dB below a loud sound: in bands that are quieter still, it shifts logarithms by up to 1e-3. Equal log-mels
need the same bits.
"""

import numpy as np
from numpy.typing import NDArray

# Cosine and sine up to an eighth of a turn: coefficients from the highest power on, and a quarter of a turn in pieces,
# whose multiples by 0 to 4 are exact. They are those of Eigen, which TensorFlow's kernels are made of.
_COSINE = (2.4372266125283204e-05, -0.00138865201734006405, 0.041666619479656219, -0.5, 1.0)
_SINE = (-0.00019592341140837029, 0.0083326873655616852, -0.16666662039822983, 0.0)
_QUARTER_TURN = (1.5703125, 0.000483989715576171875, -1.62865035235881805e-07, -5.5644315544167711e-11)
_QUARTERS_PER_RADIAN = np.float32(0.63661974668502808)


def hann_window(samples: int) -> NDArray[np.float64]:
    """The window in double precision, ``(samples,)``."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)


def tensorflow_hann_window(samples: int) -> NDArray[np.float32]:
    """``tf.signal.hann_window(samples)`` to the last bit, ``(samples,)``, without TensorFlow."""
    angles = np.float32(2 * np.pi) * np.arange(samples, dtype=np.float32) / np.float32(samples)
    return np.float32(0.5) - np.float32(0.5) * _cosine(angles)


def _cosine(angles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of angles in 0..2 pi, each step rounded to single precision."""
    quarters = np.rint(angles * _QUARTERS_PER_RADIAN)
    rest = angles
    for piece in _QUARTER_TURN:
        rest = rest - quarters * np.float32(piece)
    square = rest * rest
    by_quarter = [_polynomial(_COSINE, square), -(_polynomial(_SINE, square) * rest + rest)]
    turn = quarters.astype(np.int64) % 4
    return np.choose(turn, [by_quarter[0], by_quarter[1], -by_quarter[0], -by_quarter[1]])


def _polynomial(coefficients: tuple[float, ...], x: NDArray[np.float32]) -> NDArray[np.float32]:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + np.float32(coefficient)
    return value
