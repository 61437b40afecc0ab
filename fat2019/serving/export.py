"""A trained run -> one file or folder that turns a waveform into scores, without this package.

The graph holds all that lies between a desilenced clip and its scores: repetition of short clips, log-mel, the rounding
of stored log-mels, tiled windows and their scaling, the network, and the mean over windows. Silence removal stays
outside: where the scores of ``predict`` or ``tag`` are wanted, silence must be removed before.

All formats take one waveform of any length at a time. A TensorFlow Lite interpreter has to be told the length first,
by ``resize_tensor_input``. The graph's spectra are a store's to the last bit (see ``fourier.py``), its decibels to the
last or last but one: of 1.4 million values of real clips, 3 to 7 were rounded to another step of uint8. How far a step
moves a clip's scores depends on the network.
"""

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fat2019.audio.logmel import frame_window
from fat2019.audio.mel import mel_filters
from fat2019.config.features import DECIBELS_PER_FACTOR_OF_TEN, FeatureConfig
from fat2019.errors import DataError
from fat2019.feed.windows import IMAGE_MAXIMUM
from fat2019.runs.run import Run
from fat2019.serving.fourier import real_fft
from fat2019.utils.extras import require_extra
from fat2019.utils.files import make_folder, require_utf_8, whole, write_whole

FORMATS = ("saved_model", "tflite", "onnx")
_NAMES = {"saved_model": "saved_model", "tflite": "model.tflite", "onnx": "model.onnx"}
_OF_A_SAVED_MODEL = {"saved_model.pb", "fingerprint.pb", "variables", "assets"}
_ONNX_OPSET = 18


def export(run: Run, form: str, out: Path | None = None) -> dict[str, Any]:
    """Write the network, and beside it the class names in the order of the scores (``NAME.labels.json``).

    Args:
        run: with at least one finished epoch.
        form: one of :data:`FORMATS`. ``saved_model`` is a folder with one signature, ``serving_default``.
        out: file or folder; by default in the run's folder ``export``.

    Returns:
        ``path``, ``labels``, ``format``, ``bytes``, ``sample_rate_hz``, ``classes``.

    Raises:
        DataError: another format, something is there already that is no such export, or what ONNX needs is missing.
    """
    if form not in FORMATS:
        raise DataError(f"export format: expected one of {', '.join(FORMATS)}, received {form!r}")
    path = out or run.path / "export" / _NAMES[form]
    require_utf_8(path)
    make_folder(path.parent)
    if path.is_dir() != (form == "saved_model") and path.exists():
        raise DataError(f"{path}: there is a {'folder' if path.is_dir() else 'file'} of that name; give another --out")
    labels = path.with_name(f"{path.name}.labels.json")
    entries = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    if entries and not (labels.is_file() and entries <= _OF_A_SAVED_MODEL):
        raise DataError(f"{path}: this folder is neither empty nor an export; give another --out")
    model = run.model()
    score = waveform_scores(model, run.features)
    with whole(path) as unfinished:
        {"saved_model": _write_saved_model, "tflite": _write_tflite, "onnx": _write_onnx}[form](
            model, score, unfinished
        )
    write_whole(labels, json.dumps(list(run.vocabulary.names), indent=1) + "\n")
    return {
        "path": str(path),
        "labels": str(labels),
        "format": form,
        "bytes": _size(path),
        "sample_rate_hz": run.features.sample_rate_hz,
        "classes": len(run.vocabulary),
    }


def waveform_scores(model: keras.Model, config: FeatureConfig) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The whole way as a TensorFlow function: float32 ``(samples,)`` in -1..1 -> ``scores``, float32 ``(classes,)``.

    Any number of samples from 1 on; all windows of a waveform are scored together.
    """

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")])
    def score(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        stored = _as_stored(_log_mel(_repeat(waveform, config.window_samples), config), config)  # (frames, mels)
        windows = _tiled_windows(stored, config.window_frames)  # (windows, frames, mels)
        fed = _to_image(windows) if config.scaling == "image" else windows
        scores = model(fed[..., None], training=False)  # (windows, classes)
        return {"scores": tf.reduce_mean(tf.cast(scores, tf.float32), axis=0)}

    return score


def _repeat(waveform: tf.Tensor, minimum: int) -> tf.Tensor:
    """As :func:`fat2019.audio.logmel.repeat_to`."""
    samples = tf.shape(waveform)[0]
    # Indices modulo the length: one graph for short and long clips, without a branch.
    return tf.gather(waveform, tf.range(tf.maximum(samples, minimum)) % samples)


def _log_mel(waveform: tf.Tensor, config: FeatureConfig) -> tf.Tensor:
    """As :func:`fat2019.audio.logmel.log_mel`."""
    filters = mel_filters(config)  # (mels, bins)
    frames = _frames(waveform, config) * frame_window(config)
    padded = tf.pad(frames, [[0, 0], [0, config.n_fft - config.frame_samples]])  # (frames, n_fft)
    real, imaginary = real_fft(padded, config.n_fft)  # (frames, bins)
    power = tf.square(real) + tf.square(imaginary)
    mels = tf.matmul(power if config.spectrum == "power" else tf.sqrt(power), filters.T)  # (frames, mels)
    if config.log == "natural":
        return tf.math.log(mels + config.log_offset)
    factor = DECIBELS_PER_FACTOR_OF_TEN[config.spectrum]
    floor = config.power_floor ** (10 / factor)  # of a magnitude its root
    return tf.math.log(tf.maximum(mels, floor)) * np.float32(factor / math.log(10))


def _frames(waveform: tf.Tensor, config: FeatureConfig) -> tf.Tensor:
    """Frames ``(frames, frame_samples)`` as rows of pieces side by side: slices convert better than framing."""
    piece = math.gcd(config.frame_samples, config.hop_samples)
    step, parts = config.hop_samples // piece, config.frame_samples // piece
    pieces = tf.shape(waveform)[0] // piece
    by_piece = tf.reshape(waveform[: pieces * piece], [-1, piece])
    last = (pieces - parts) // step * step  # the first piece of the last frame
    return tf.concat([by_piece[part : last + part + 1 : step] for part in range(parts)], axis=1)


def _as_stored(log_mel: tf.Tensor, config: FeatureConfig) -> tf.Tensor:
    """As :func:`fat2019.audio.quantise.quantise`, as float32."""
    if config.dtype == "uint8":
        low, high = tf.reduce_min(log_mel), tf.reduce_max(log_mel)
        return tf.round((log_mel - low) * (np.float32(255) / tf.where(high > low, high - low, 1.0)))
    return tf.cast(tf.cast(log_mel, config.dtype), tf.float32)


def _tiled_windows(stored: tf.Tensor, window_frames: int) -> tf.Tensor:
    """The windows of :func:`fat2019.feed.windows.tiled_starts`, ``(windows, frames, mels)``."""
    frames = tf.shape(stored)[0]
    windows = (frames + window_frames - 1) // window_frames
    starts = tf.minimum(tf.range(windows) * window_frames, frames - window_frames)
    return tf.gather(stored, starts[:, None] + tf.range(window_frames))


def _to_image(windows: tf.Tensor) -> tf.Tensor:
    """As :func:`fat2019.feed.windows.to_image`, to a rounding: of operations that all converters know."""
    low = tf.reduce_min(windows, axis=[1, 2], keepdims=True)
    span = tf.reduce_max(windows, axis=[1, 2], keepdims=True) - low  # (windows, 1, 1)
    scale = tf.where(span > 0, IMAGE_MAXIMUM / tf.where(span > 0, span, 1.0), 0.0)
    return tf.minimum((windows - low) * scale, IMAGE_MAXIMUM)


def _write_saved_model(model: keras.Model, score: Any, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    module = tf.Module()
    module.model, module.score = model, score
    tf.saved_model.save(module, str(path), signatures={"serving_default": score.get_concrete_function()})


def _write_tflite(_: keras.Model, score: Any, path: Path) -> None:
    # Without the model as an argument, which would keep its weights as variables that the interpreter finds empty.
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([score.get_concrete_function()]).convert())


def _write_onnx(_: keras.Model, score: Any, path: Path) -> None:
    require_extra("onnx", "export to onnx", "onnx", "tf2onnx")
    import onnx
    import tf2onnx

    converted, _tables = tf2onnx.convert.from_function(score, input_signature=score.input_signature, opset=_ONNX_OPSET)
    onnx.checker.check_model(converted)  # the converter only logs what it cannot convert
    path.write_bytes(converted.SerializeToString())


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(Path(folder, name).stat().st_size for folder, _, names in os.walk(path) for name in names)
