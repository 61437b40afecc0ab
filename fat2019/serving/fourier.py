"""The Fourier transform of real frames by sums and products alone, to the last bit as SciPy computes it.

Every library's transform rounds in its own way, and in quiet bands that is enough to turn the rounding of a stored
log-mel in one value or another of most clips. An exported graph therefore takes the steps of SciPy's (pocketfft, after
FFTPACK): merging transforms by four, the last time by two where the length asks for it. Each sum and product of float32
has one result, whoever executes it.
"""

import numpy as np
import tensorflow as tf

_Spectrum = tuple[tf.Tensor, tf.Tensor]  # real and imaginary part
_EIGHTH = np.float32(np.sqrt(0.5))  # cosine and sine of an eighth of a turn


def real_fft(frames: tf.Tensor, length: int) -> _Spectrum:
    """float32 ``(frames, length)`` -> real and imaginary part, ``(frames, length // 2 + 1)`` each.

    Lengths other than powers of two, which SciPy takes apart in more ways, are left to TensorFlow's own transform.
    """
    if length & (length - 1):
        spectrum = tf.signal.rfft(frames, [length])
        return tf.math.real(spectrum), tf.math.imag(spectrum)
    transforms, points = length, 1  # at first each sample is a transform of one point
    real = tf.reshape(frames, [-1, transforms, 1])  # (frames, transforms, points // 2 + 1)
    imaginary = tf.zeros_like(real)
    while transforms > 1:
        radix = 4 if transforms % 4 == 0 else 2
        transforms //= radix
        shape = [-1, radix, transforms, points // 2 + 1]
        parts = tf.unstack(tf.reshape(real, shape), axis=1), tf.unstack(tf.reshape(imaginary, shape), axis=1)
        # The last bin, half the rate, is real and has an arithmetic of its own.
        bins = max(1, points // 2)
        turned = [
            _turned(a[..., :bins], b[..., :bins], index, radix * points)
            for index, (a, b) in enumerate(zip(*parts, strict=True))
        ]
        last = [a[..., bins:] for a in parts[0]]
        blocks = (_by_four if radix == 4 else _by_two)(turned, last)
        if points == 1:  # there is no bin at half the rate
            blocks = blocks[::2] if radix == 2 else [blocks[0], blocks[3], blocks[5]]
        real, imaginary = (tf.concat(part, axis=-1) for part in zip(*blocks, strict=True))
        points *= radix
    return real[:, 0], imaginary[:, 0]


def _turned(real: tf.Tensor, imaginary: tf.Tensor, index: int, length: int) -> _Spectrum:
    """Bins times ``exp(-2 pi i index bin / length)``."""
    if index == 0:
        return real, imaginary
    angles = 2 * np.pi * index * np.arange(real.shape[-1]) / length
    cosine, sine = (values.astype(np.float32) for values in (np.cos(angles), np.sin(angles)))
    return cosine * real + sine * imaginary, cosine * imaginary - sine * real


def _by_two(turned: list[_Spectrum], last: list[tf.Tensor]) -> list[_Spectrum]:
    """The bins of the merged transforms in ascending blocks: upwards, at half the old rate, mirrored downwards."""
    (real_0, imaginary_0), (real_1, imaginary_1) = turned
    return [
        (real_0 + real_1, imaginary_0 + imaginary_1),
        (last[0], -last[1]),
        _downwards(real_0 - real_1, imaginary_1 - imaginary_0),
    ]


def _by_four(turned: list[_Spectrum], last: list[tf.Tensor]) -> list[_Spectrum]:
    """As :func:`_by_two`; here upwards and downwards twice."""
    (real_0, imaginary_0), (real_1, imaginary_1), (real_2, imaginary_2), (real_3, imaginary_3) = turned
    even, even_difference = (real_0 + real_2, imaginary_0 + imaginary_2), (real_0 - real_2, imaginary_0 - imaginary_2)
    odd, odd_difference = (real_3 + real_1, imaginary_1 + imaginary_3), (real_3 - real_1, imaginary_1 - imaginary_3)
    sine, cosine = -_EIGHTH * (last[1] + last[3]), _EIGHTH * (last[1] - last[3])
    mirrored = _downwards(even_difference[0] - odd_difference[1], odd_difference[0] - even_difference[1])
    return [
        (even[0] + odd[0], odd[1] + even[1]),
        (last[0] + cosine, sine - last[2]),
        # Bin 0 is not mirrored here: the next block starts with it.
        (mirrored[0][..., :-1], mirrored[1][..., :-1]),
        (even_difference[0] + odd_difference[1], odd_difference[0] + even_difference[1]),
        (last[0] - cosine, sine + last[2]),
        _downwards(even[0] - odd[0], odd[1] - even[1]),
    ]


def _downwards(real: tf.Tensor, imaginary: tf.Tensor) -> _Spectrum:
    return tf.reverse(real, [-1]), tf.reverse(imaginary, [-1])
