"""Which frames of a clip are looked at: the choice of windows, and their scaling to images.

A window is ``config.window_frames`` consecutive frames of a clip's log-mel, named by its first frame. In training
the max-energy one of a few random ones is taken (report, section 3); for evaluation the windows are fixed. Everything
in TensorFlow here works on whole batches and is a pure function of its arguments.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.feed.tiles import IMAGE_MAXIMUM


def candidate_starts(uniforms: tf.Tensor, frames: tf.Tensor, window_frames: int) -> tf.Tensor:
    """Random first frames, every window of a clip being equally likely.

    Args:
        uniforms: float32 ``(batch, candidates)`` in [0, 1).
        frames: int64 ``(batch,)``, the clips' lengths, each at least ``window_frames``.
        window_frames: the length of a window.

    Returns:
        int64 ``(batch, candidates)``.
    """
    windows = frames[:, None] - window_frames + 1  # (batch, 1)
    # Below 2**24, a number below 1 times the number of windows is never rounded up to that number.
    return tf.cast(uniforms * tf.cast(windows, tf.float32), tf.int64)


def max_energy_candidate(starts: tf.Tensor, energies: tf.Tensor) -> tf.Tensor:
    """The candidate of the highest energy, the first of them in a tie: ``(batch, candidates)`` -> ``(batch,)``."""
    return tf.gather(starts, tf.argmax(energies, axis=1), batch_dims=1)


def to_image(window: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Scale each window from its own range to 0..255 (report, section 3).

    Args:
        window: ``(batch, frames, mels)``, as stored.
        low: the least value of each window, ``(batch,)``, of any type.
        high: its greatest value, alike.

    Returns:
        float32 ``(batch, frames, mels)``; a window of one value is all 0.
    """
    low = tf.cast(low, tf.float32)
    span = tf.cast(high, tf.float32) - low  # (batch,)
    scale = tf.math.divide_no_nan(IMAGE_MAXIMUM, span)
    # The quotient may be rounded up, and the greatest value would then become 255.00002.
    scale = tf.where(span * scale > IMAGE_MAXIMUM, tf.math.nextafter(scale, tf.zeros_like(scale)), scale)
    return (tf.cast(window, tf.float32) - low[:, None, None]) * scale[:, None, None]


def max_energy_start(
    energy: npt.NDArray[np.int64], window_frames: int, window_hops: int, frames: int
) -> npt.NDArray[np.int64]:
    """The first frame of the max-energy window of a clip, as an array of one.

    Args:
        energy: the clip's cumulative energy, see :func:`fat2019.audio.logmel.cumulative_energy`.
        window_frames: the length of a window.
        window_hops: the hops that it sees.
        frames: the clip's length.
    """
    windows = frames - window_frames + 1
    energies = energy[window_hops : window_hops + windows] - energy[:windows]  # (windows,)
    return np.array([np.argmax(energies)], np.int64)
