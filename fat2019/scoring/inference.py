"""A trained network and some clips -> their scores, in bounded memory."""

import functools
from collections.abc import Callable
from typing import Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.feed.evaluation import EvaluationWindows
from fat2019.scoring.means import Mean
from fat2019.scoring.pooling import pool_windows
from fat2019.store.reader import FeatureStore

_CLIPS_AT_ONCE = 512  # held in memory: some 20 MB of log-mels


def score_clips(
    model: keras.Model,
    store: FeatureStore,
    clips: npt.NDArray[np.int64],
    *,
    windows: Literal["tiled", "max-energy"] = "tiled",
    hop_frames: int | None = None,
    mean: Mean = "arithmetic",
    batch_windows: int = 64,
    progress: Callable[[int], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Score clips by the mean of their windows' scores.

    Args:
        model: images ``(batch, frames, mels, 1)`` -> probabilities ``(batch, classes)``.
        store: where the log-mels are.
        clips: indices into ``store.clips``.
        windows: all of a clip, or its loudest only.
        hop_frames: from one tile to the next; by default a whole window.
        mean: of a clip's windows.
        batch_windows: windows in a batch.
        progress: called with the number of clips done.

    Returns:
        ``(clips, classes)`` float64.
    """
    predict = compiled(model)
    scores = []
    for first in range(0, len(clips), _CLIPS_AT_ONCE):
        group = clips[first : first + _CLIPS_AT_ONCE]
        places = EvaluationWindows(store.read_log_mels(group), store.config, windows=windows, hop_frames=hop_frames)
        of_windows = [predict(images).numpy() for images, _ in places.dataset(batch_windows)]
        scores.append(pool_windows(np.concatenate(of_windows), places.clip, len(group), mean))
        if progress:
            progress(first + len(group))
    return np.concatenate(scores) if scores else np.zeros((0, model.output_shape[-1]))


def compiled(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """The network's scores of a batch of images, as one graph for batches of any size."""

    @functools.partial(tf.function, input_signature=[tf.TensorSpec(model.input_shape, tf.float32)])
    def predict(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=False)

    return predict
