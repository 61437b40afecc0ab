"""Log-mels computed while training, clip by clip, from desilenced 16 kHz WAV files, in ``tf.data``."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rivals import BATCH_WINDOWS, MASKS, MEL_BANDS, WIDEST_BANDS, WIDEST_FRAMES, WINDOW_FRAMES

_RATE_HZ = 16_000
_WINDOW_SAMPLES = 48_000
_FRAME_SAMPLES = 1024
_HOP_SAMPLES = 512
_CANDIDATES = 3

ToLogMel = Callable[[tf.Tensor], tf.Tensor]  # (samples,) -> (frames, mels)
Mask = Callable[[tf.Tensor], tf.Tensor]  # (frames, mels) -> (frames, mels)


def report_pipeline(paths: Sequence[Path], labels: npt.NDArray[np.float32]) -> tf.data.Dataset:
    """The report's own way (sections 3 and 4): read, ``largo_fijo``, spectrogram, mel bands, logarithm, a mask each.

    Set up as TensorFlow's guides "Simple audio recognition" (``tf.audio.decode_wav``, ``tf.signal.stft``) and "Better
    performance with the tf.data API" (parallel map, batch, prefetch) recommend.
    """
    to_mel = tf.signal.linear_to_mel_weight_matrix(
        MEL_BANDS, _FRAME_SAMPLES // 2 + 1, _RATE_HZ, 0.0, _RATE_HZ / 2
    )  # (bins, mels)

    def log_mel(samples: tf.Tensor) -> tf.Tensor:
        spectrum = tf.signal.stft(samples, _FRAME_SAMPLES, _HOP_SAMPLES)  # (frames, bins)
        return tf.math.log(tf.matmul(tf.square(tf.abs(spectrum)), to_mel) + 1e-10)

    return _batches(paths, labels, log_mel, _masked)


def tensorflow_io(paths: Sequence[Path], labels: npt.NDArray[np.float32]) -> tf.data.Dataset:
    """tensorflow-io's way, by its tutorial "Audio Data Preparation and Augmentation".

    ``tfio.audio`` does everything from the spectrogram to the masks. Files are decoded by ``tf.audio.decode_wav``,
    since its own decoders do not load beside TensorFlow 2.21.
    """
    import tensorflow_io as tfio

    def log_mel(samples: tf.Tensor) -> tf.Tensor:
        spectrogram = tfio.audio.spectrogram(samples, nfft=_FRAME_SAMPLES, window=_FRAME_SAMPLES, stride=_HOP_SAMPLES)
        mels = tfio.audio.melscale(spectrogram, rate=_RATE_HZ, mels=MEL_BANDS, fmin=0, fmax=_RATE_HZ // 2)
        return tfio.audio.dbscale(mels, top_db=80)[:WINDOW_FRAMES]  # it pads the end

    def mask(image: tf.Tensor) -> tf.Tensor:
        for _ in range(MASKS):
            image = tfio.audio.freq_mask(image, param=WIDEST_BANDS)
            image = tfio.audio.time_mask(image, param=WIDEST_FRAMES)
        return image

    return _batches(paths, labels, log_mel, mask)


def _batches(paths: Sequence[Path], labels: npt.NDArray[np.float32], log_mel: ToLogMel, mask: Mask) -> tf.data.Dataset:
    def example(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        samples, _ = tf.audio.decode_wav(tf.io.read_file(path), desired_channels=1)
        image = _to_image(log_mel(_loudest_window(samples[:, 0])))
        return tf.ensure_shape(mask(image)[..., None], [WINDOW_FRAMES, MEL_BANDS, 1]), label

    names = [str(path) for path in paths]
    return (
        tf.data.Dataset.from_tensor_slices((names, labels))
        .shuffle(len(names))
        .repeat()
        .map(example, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH_WINDOWS)
        .prefetch(tf.data.AUTOTUNE)
    )


def _loudest_window(samples: tf.Tensor) -> tf.Tensor:
    """``largo_fijo``: a short clip repeated, the max-energy one of three random windows else; ``(48000,)``."""
    count = tf.size(samples)
    if count < _WINDOW_SAMPLES:
        samples = tf.tile(samples, [-(-_WINDOW_SAMPLES // count)])
    starts = tf.random.uniform([_CANDIDATES], 0, tf.size(samples) - _WINDOW_SAMPLES + 1, tf.int32)
    windows = tf.stack([samples[starts[i] : starts[i] + _WINDOW_SAMPLES] for i in range(_CANDIDATES)])
    return windows[tf.argmax(tf.reduce_sum(tf.square(windows), axis=1))]


def _to_image(log_mel: tf.Tensor) -> tf.Tensor:
    low, high = tf.reduce_min(log_mel), tf.reduce_max(log_mel)
    return tf.math.divide_no_nan(log_mel - low, high - low) * 255.0


def _masked(image: tf.Tensor) -> tf.Tensor:
    keep = tf.ones([WINDOW_FRAMES, MEL_BANDS], tf.bool)
    for _ in range(MASKS):
        keep &= ~_span(WINDOW_FRAMES, WIDEST_FRAMES)[:, None] & ~_span(MEL_BANDS, WIDEST_BANDS)
    return tf.where(keep, image, 0.0)


def _span(size: int, widest: int) -> tf.Tensor:
    """A random stretch of ``size`` positions, as ``(size,)`` bool."""
    width = tf.random.uniform([], 0, widest + 1, tf.int32)
    start = tf.random.uniform([], 0, size - width + 1, tf.int32)
    position = tf.range(size)
    return (position >= start) & (position < start + width)
