"""What a storage format is: a class that writes, reads and checks the files of a shard."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fat2019.errors import DataError
from fat2019.store.schema import ARRAYS, ClipFeatures, ShardHead, ShardShape
from fat2019.store.shards import REPAIR, FileRecord


class Run(NamedTuple):
    """Neighbouring clips of a shard that are wanted side by side."""

    row: int  # of the first, in the shard
    position: int  # of the first, among the clips wanted
    clips: int


class Target(NamedTuple):
    """Where the entries of an array go, C-ordered and of its stored type."""

    array: NDArray[Any]  # (entries, ...)
    offset: NDArray[np.int64]  # (clips wanted + 1,)


class StorageFormat(abc.ABC):
    """How shards lie in files. ``formats/__init__.py`` lists the formats that there are."""

    name: str
    suffixes: tuple[str, ...]  # of a shard's files, in the order in which they are written
    streamed_suffix: str | None = None  # of TFRecord files, from which TensorFlow streams log-mels

    @abc.abstractmethod
    def arrays(self, suffix: str) -> tuple[str, ...]:
        """The names of the arrays in the file that ends in ``suffix``."""

    @abc.abstractmethod
    def write(self, path: Path, suffix: str, head: ShardHead, clips: Sequence[ClipFeatures]) -> FileRecord:
        """Write one of a shard's files to ``path``, which must be new, and make it durable.

        Returns:
            The record of the file under its final name.
        """

    @abc.abstractmethod
    def read(self, folder: Path, shape: ShardShape, runs: Sequence[Run], targets: Mapping[str, Target]) -> None:
        """Read some clips' entries of some arrays, named by ``targets``, to where they are wanted.

        Raises:
            DataError: a file is damaged, or not of the shard that the manifest describes.
        """

    @abc.abstractmethod
    def clips(self, folder: Path, shape: ShardShape) -> Iterator[ClipFeatures]:
        """All that the files hold, clip by clip, whatever they say.

        Raises:
            DataError: as :meth:`read`.
        """


def unpacked(stored: Mapping[str, Any], path: Path) -> ClipFeatures:
    """The clip whose arrays hold these values, which were read from ``path``.

    Raises:
        DataError: a value is not one that a builder could have written.
    """
    try:
        return ClipFeatures(**{name: array.unpack(stored[name]) for name, array in ARRAYS.items()})
    except ValueError as error:
        raise DataError(f"{path}: damaged: {error}: {REPAIR}") from error
