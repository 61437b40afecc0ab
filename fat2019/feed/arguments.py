"""Checks of what feeds are given: indices of clips, and labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore

Clips = Sequence[int] | npt.NDArray[np.integer]
Labels = Sequence[Sequence[float]] | npt.NDArray[np.floating | np.integer | np.bool_]


def open_store(store: FeatureStore | Path | str) -> FeatureStore:
    """The store itself, or the one in a folder."""
    return FeatureStore.open(store) if isinstance(store, Path | str) else store


def clip_indices(store: FeatureStore, clips: Clips) -> npt.NDArray[np.int64]:
    """Indices into ``store.clips`` as an array ``(clips,)``.

    Raises:
        DataError: one is no whole number, there is no such clip, or a clip comes twice.
    """
    indices = np.asarray(clips)
    if not indices.size:
        return np.zeros(0, np.int64)
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        hint = "; np.flatnonzero makes them of a mask" if indices.dtype == np.bool_ else ""
        raise DataError(f"clips: expected a row of indices, received {indices.ndim}-d {indices.dtype}{hint}")
    outside = indices[(indices < 0) | (indices >= len(store.clips))]
    if outside.size:
        raise DataError(f"clips: expected indices from 0 to {len(store.clips) - 1}, received {outside[0]}")
    found, times = np.unique(indices, return_counts=True)
    if times.max() > 1:
        fname = store.clips["fname"].iloc[found[times.argmax()]]
        raise DataError(f"clips: expected each clip once, received {fname} {times.max()} times")
    return indices.astype(np.int64)


def clip_labels(store: FeatureStore, clips: npt.NDArray[np.int64], labels: Labels | None) -> npt.NDArray[np.float32]:
    """Labels ``(clips, classes)`` of these clips in 0..1: the store's own, or those given in their place.

    Raises:
        DataError: there are more or fewer rows than clips, or columns than classes, or a label is not in 0..1.
    """
    if labels is None:
        return store.labels[clips].astype(np.float32)
    given = np.asarray(labels)
    expected = (len(clips), store.labels.shape[1])
    if given.shape != expected:
        whole = given.ndim == 2 and len(given) == len(store.clips) != len(clips)
        hint = "; these are of the whole store: give labels[clips]" if whole else ""
        raise DataError(f"labels: expected {expected}, a row for each of the clips, received {given.shape}{hint}")
    outside = np.argwhere(~((given >= 0) & (given <= 1)))  # NaN is in no range
    if len(outside):
        row, column = outside[0]
        raise DataError(
            f"labels: expected numbers from 0 to 1, received {given[row, column]} in row {row}, column {column}"
        )
    return given.astype(np.float32)
