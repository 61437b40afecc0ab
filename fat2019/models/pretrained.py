"""Pretrained audio networks as published: log-mel patches -> embeddings, and scores of their own classes."""

import functools
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.config.model import PUBLISHED
from fat2019.errors import DataError
from fat2019.models.backbones import BACKBONES
from fat2019.utils.cores import cores

PRETRAINED = tuple(name for name, backbone in BACKBONES.items() if backbone.whole)

_PATCHES_AT_ONCE = 128  # the feature maps of more would no longer be in a processor's cache


_Outputs = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]  # embeddings, scores


class PretrainedNetwork:
    """A network with its weights, its front end and its classes."""

    name: str
    features: FeatureConfig  # the front end that its patches must come from
    hop_frames: int  # from one patch to the next, as its makers use it
    embedding_size: int

    def __init__(self, name: str, weights: str = "pretrained") -> None:
        """
        Args:
            name: one of :data:`PRETRAINED`.
            weights: "pretrained", which are downloaded once, or a weights file.

        Raises:
            DataError: unknown name, or the weights are not available or do not fit.
        """
        if name not in PRETRAINED:
            raise DataError(f"pretrained network: expected one of {', '.join(PRETRAINED)}, received {name!r}")
        backbone = BACKBONES[name]
        assert backbone.whole and backbone.features
        self._whole = backbone.whole
        self._path = backbone.published.fetch() if weights in PUBLISHED else Path(weights)
        self._model = self._whole.build()
        self._whole.load(self._model, self._path)
        self.name, self.features, self.hop_frames = name, NAMED[backbone.features], self._whole.hop_frames
        self.embedding_size = int(self._model.output_shape[0][-1])
        self._call = tf.function(
            lambda patches: self._model(patches, training=False),
            input_signature=[tf.TensorSpec(self._model.input_shape, tf.float32)],
        )

    @functools.cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of its own classes, in the order of its scores."""
        return self._whole.class_names()

    @functools.cached_property
    def weights_sha256(self) -> str:
        """The SHA-256 of its weights file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def embed(self, patches: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Log-mels as :attr:`features` defines them ``(patches, frames, mels)`` -> embeddings ``(patches, size)``."""
        parts = [embeddings for embeddings, _ in self._batches(patches)]
        return np.concatenate(parts) if parts else np.zeros((0, self.embedding_size), np.float32)

    def score(self, patches: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Log-mels as :attr:`features` defines them ``(patches, frames, mels)`` -> probabilities of its classes."""
        parts = [scores for _, scores in self._batches(patches)]
        return np.concatenate(parts) if parts else np.zeros((0, int(self._model.output_shape[1][-1])), np.float32)

    def _batches(self, patches: npt.NDArray[Any]) -> Iterator[_Outputs]:
        """In order, one per core at a time: so small layers keep TensorFlow busy on one core alone."""
        batches = [patches[first : first + _PATCHES_AT_ONCE] for first in range(0, len(patches), _PATCHES_AT_ONCE)]
        with ThreadPoolExecutor(cores()) as pool:
            yield from pool.map(self._run, batches)  # which cancels the rest where nobody wants it

    def _run(self, batch: npt.NDArray[Any]) -> _Outputs:
        embeddings, scores = self._call(tf.constant(batch.astype(np.float32)[..., None]))
        return embeddings.numpy(), scores.numpy()
