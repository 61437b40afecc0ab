"""A finished feature store, opened for reading.

Opening reads the manifest and checks the sizes of the shard files. Shards are opened only while they are read,
so a store may cross a fork. This module never changes a store. features/README.md documents the files.
"""

import contextlib
import dataclasses
import difflib
import functools
import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.quantise import dequantise, stored_type
from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.building.journal import JOURNAL_NAME
from fat2019.store.embeddings import FlatEmbeddings, read_embeddings
from fat2019.store.formats import storage_format
from fat2019.store.formats.base import Run, StorageFormat, Target
from fat2019.store.manifest import MANIFEST_NAME, Manifest, read_manifest
from fat2019.store.schema import ARRAYS, ShardShape, energy_points, offsets
from fat2019.store.shards import CHANGED, REPAIR, read_errors

if TYPE_CHECKING:
    import pandas as pd

_ALIGNMENT = 64  # bytes: TensorFlow takes arrays over by dlpack without a copy from there on


@dataclasses.dataclass(frozen=True)
class FlatLogMels:
    """The concatenated log-mels of some clips; clip i has the frames ``frame_offset[i] : frame_offset[i + 1]``."""

    log_mel: NDArray[Any]  # (total frames, mels) in the stored type
    frame_offset: NDArray[np.int64]  # (clips + 1,)
    energy: NDArray[np.int64]  # (total energy points,), of each clip from 0 on
    energy_offset: NDArray[np.int64]  # (clips + 1,)
    decibel_range: NDArray[np.float32]  # (clips, 2)


class LogMelFile(NamedTuple):
    """A shard's log-mels as a TFRecord file, for streaming."""

    path: Path
    first_clip: int  # its index in the store
    clips: int
    key: str  # of the shard; every record has it


class FeatureStore:
    """A feature store on disk; use :meth:`open`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._edition = edition(path)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a finished store.

        Raises:
            DataError: there is no finished store, it is of another format version, or it is damaged.
        """
        folder = Path(path)
        while True:
            require_finished(folder)
            before = edition(folder)
            try:
                store = cls(folder, _read_manifest_and_lengths(folder))
                store._edition = before  # what was read is this one or a later one, and never an older
                return store
            except DataError:
                if before == edition(folder):  # else a builder began or finished meanwhile: look again
                    raise

    @property
    def config(self) -> FeatureConfig:
        """The configuration that the features were computed with."""
        return self.manifest.header.config

    @property
    def vocabulary(self) -> Vocabulary:
        """The class names, in the order of the columns of :attr:`labels`."""
        return self.manifest.header.vocabulary

    @functools.cached_property
    def clips(self) -> "pd.DataFrame":
        """A row per clip, in the store's order: by split as ``config.SPLITS``, then shard, then name."""
        import pandas as pd

        names = self.vocabulary.names
        return pd.DataFrame(
            {
                "fname": self._column("fname"),
                "split": self._each("split"),
                "labels": [tuple([names[index] for index in indices]) for indices in self._column("labels")],
                "usage": self._column("usage"),
                "shard": self._each("name"),
                "row": [row for shard in self.manifest.shards for row in range(len(shard.clips.fname))],
                "samples": self._column("samples"),
                "frames": self._column("frames"),
                "source_rate_hz": self._column("source_rate_hz"),
                "source_samples": self._column("source_samples"),
                "kept_whole": np.array(self._column("kept_whole"), bool),
                "fold": self._optional_column("fold"),
                "group": self._optional_column("group"),
            }
        )

    @functools.cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Multi-hot ``(clips, classes)``."""
        indices = self._column("labels")
        labels = np.zeros((len(indices), len(self.vocabulary)), np.uint8)
        rows = np.repeat(np.arange(len(indices)), [len(some) for some in indices])
        labels[rows, list(itertools.chain.from_iterable(indices))] = 1
        return labels

    @functools.cached_property
    def quarantine(self) -> "pd.DataFrame":
        """The clips that cannot be used: fname, split, reason."""
        import pandas as pd

        rows = [
            (fname, shard.split, reason)
            for shard in self.manifest.shards
            for fname, reason in zip(shard.quarantine.fname, shard.quarantine.reason, strict=True)
        ]
        return pd.DataFrame(rows, columns=["fname", "split", "reason"])

    @property
    def notes(self) -> list[tuple[str, str]]:
        """The clips whose audio was altered when it was read: fname, and what was done."""
        return [
            (fname, note)
            for shard in self.manifest.shards
            for fname, note in zip(shard.clips.fname, shard.clips.notes or (), strict=False)
            if note
        ]

    def content_key(self, splits: Iterable[str]) -> str:
        """SHA-256 over the names, labels and audio of the clips of these splits."""
        wanted = set(splits)
        keys = [shard.key for shard in self.manifest.shards if shard.split in wanted]
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()

    def log_mel(self, fname: str) -> NDArray[np.float32]:
        """The log-mel of a clip, in decibels or the unit of its configuration: float32 ``(frames, mels)``.

        Raises:
            DataError: no such clip, or its shard is damaged.
        """
        flat = self.read_log_mels(np.array([self._index_of(fname)]))
        return dequantise(flat.log_mel, flat.decibel_range[0])

    def audio(self, fname: str) -> NDArray[np.int16]:
        """The desilenced samples of a clip at ``config.sample_rate_hz``: int16 ``(samples,)``.

        Raises:
            DataError: no such clip, or its shard is damaged.
        """
        index = self._index_of(fname)
        number = int(np.searchsorted(self._first_clip, index, side="right")) - 1
        shape, row = self._shape(number), index - int(self._first_clip[number])
        offset = offsets([shape.samples[row]])
        audio = Target(np.empty(int(offset[-1]), ARRAYS["audio"].dtype(shape)), offset)
        with self._unchanged():
            self._format.read(self.path, shape, [Run(row, 0, 1)], {"audio": audio})
        return audio.array

    def read_log_mels(self, indices: NDArray[np.int64] | None = None) -> FlatLogMels:
        """The log-mels and energies of many clips, each as one contiguous array.

        Args:
            indices: ``(n,)``, positions in :attr:`clips`, in any order (ascending is fastest); by default
                all clips.

        Returns:
            C-ordered arrays, log-mels and energies 64-byte aligned.

        Raises:
            DataError: a shard is damaged, or was replaced since the store was opened.
            IndexError: there is no such clip.
        """
        frames = np.array(self._column("frames"), np.int64)
        if indices is None:
            indices = np.arange(len(frames))
        if len(indices) and (indices.min() < 0 or indices.max() >= len(frames)):
            raise IndexError(f"indices: expected 0 to {len(frames) - 1}, received {indices.min()} to {indices.max()}")
        flat = self._allocate(frames[indices])
        targets = {
            "log_mel": Target(flat.log_mel, flat.frame_offset),
            "energy": Target(flat.energy, flat.energy_offset),
            "decibel_range": Target(flat.decibel_range, np.arange(len(indices) + 1)),
        }
        with self._unchanged():
            for number, runs in self._runs(indices):
                self._format.read(self.path, self._shape(number), runs, targets)
        return flat

    def embeddings(self, network: str) -> FlatEmbeddings:
        """The output of ``fat2019 embed``: ``store.embeddings("yamnet")[clip]`` is float16 ``(tiles, 1024)``.

        Raises:
            DataError: there are none, they are unfinished or outdated, or a file is damaged.
        """
        with self._unchanged():
            return read_embeddings(self.path, self.manifest, network)

    @property
    def can_be_streamed(self) -> bool:
        """Whether the store has TFRecord files to stream."""
        return self._streamed is not None

    def log_mel_files(self) -> list[LogMelFile]:
        """The log-mel TFRecord files that hold clips, in the store's order.

        Raises:
            DataError: the store has none.
        """
        if self._streamed is None:
            raise DataError(f"{self.path}: no TFRecord files: build with --format tfrecord or both")
        header = self.manifest.header
        return [
            LogMelFile(
                self.path / (shard.shape(header).stem + self._streamed), first, len(shard.clips.fname), shard.key
            )
            for shard, first in zip(self.manifest.shards, self._first_clip.tolist(), strict=True)
            if shard.clips.fname
        ]

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Context in which a shard removed by a later build is reported as such."""
        try:
            yield
        except DataError as error:
            if edition(self.path) != self._edition:
                raise DataError(f"{self.path}: {CHANGED}") from error
            raise

    @property
    def _format(self) -> StorageFormat:
        """The format to read, if the store has several: the first."""
        return storage_format(self.manifest.header.formats[0])

    @property
    def _streamed(self) -> str | None:
        """How the files end that TensorFlow can stream."""
        forms = map(storage_format, self.manifest.header.formats)
        return next((form.streamed_suffix for form in forms if form.streamed_suffix), None)

    def _column(self, name: str) -> list[Any]:
        shards = self.manifest.shards
        return list(itertools.chain.from_iterable(getattr(shard.clips, name) for shard in shards))

    def _optional_column(self, name: str) -> list[str]:
        """A column of texts that are empty where a shard does not have it."""
        return [
            text
            for shard in self.manifest.shards
            for text in getattr(shard.clips, name) or ("",) * len(shard.clips.fname)
        ]

    def _each(self, name: str) -> list[str]:
        """A field of the clips' shards."""
        return [value for shard in self.manifest.shards for value in [getattr(shard, name)] * len(shard.clips.fname)]

    @functools.cached_property
    def _first_clip(self) -> NDArray[np.int64]:
        """The index of each shard's first clip, ``(shards,)``."""
        return offsets([len(shard.clips.fname) for shard in self.manifest.shards])[:-1]

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {fname: index for index, fname in enumerate(self._column("fname"))}

    def _index_of(self, fname: str) -> int:
        index = self._index.get(fname)
        if index is None:
            raise DataError(f"{self.path}: no clip {fname!r}{self._hint(fname)}")
        return index

    def _hint(self, fname: str) -> str:
        for shard in self.manifest.shards:
            if fname in shard.quarantine.fname:
                return f": in quarantine: {shard.quarantine.reason[shard.quarantine.fname.index(fname)]}"
        close = difflib.get_close_matches(fname, self._index, n=1)
        return f" (did you mean {close[0]!r}?)" if close else ""

    def _shape(self, number: int) -> ShardShape:
        return self.manifest.shards[number].shape(self.manifest.header)

    def _allocate(self, frames: NDArray[np.int64]) -> FlatLogMels:
        config, frame_offset = self.config, offsets(frames)
        energy_offset = offsets(frames + energy_points(0, config))
        return FlatLogMels(
            aligned((int(frame_offset[-1]), config.mel_bands), stored_type(config)),
            frame_offset,
            aligned((int(energy_offset[-1]),), np.dtype(np.int64)),
            energy_offset,
            np.empty((len(frames), 2), np.float32),
        )

    def _runs(self, indices: NDArray[np.int64]) -> Iterator[tuple[int, list[Run]]]:
        """By shard: its clips that are wanted."""
        # A shard without clips has the start of the next one; to the right of both is the one with the clip.
        shard_of = np.searchsorted(self._first_clip, indices, side="right") - 1
        apart = (np.diff(indices) != 1) | (np.diff(shard_of) != 0)
        starts = np.flatnonzero(np.concatenate(([True], apart))[: len(indices)])
        lengths = np.diff(np.append(starts, len(indices)))
        rows = indices[starts] - self._first_clip[shard_of[starts]]
        runs = sorted(zip(shard_of[starts].tolist(), rows.tolist(), starts.tolist(), lengths.tolist(), strict=True))
        for number, group in itertools.groupby(runs, key=lambda run: run[0]):
            yield number, [Run(*run[1:]) for run in group]


def require_finished(folder: Path) -> None:
    """Check that there is a finished store.

    Raises:
        DataError: there is none; it says what there is instead.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder: expected a feature store: make it with build-features")
    if (folder / MANIFEST_NAME).exists():
        return
    if (folder / JOURNAL_NAME).exists():
        raise DataError(f"{folder}: being built, or its build was interrupted: run build-features again")
    if (folder / MANIFEST_NAME).exists():  # the builder finished between the two looks
        return
    raise DataError(f"{folder}: no feature store: expected {MANIFEST_NAME}, as build-features writes it")


def edition(folder: Path) -> tuple[int, int] | None:
    """What tells the manifest from the one that a later build puts in its place; None if it cannot be seen."""
    try:
        status = (folder / MANIFEST_NAME).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _read_manifest_and_lengths(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    for file in (file for shard in manifest.shards for file in shard.files):
        _require_length(folder / file.name, file.bytes)
    return manifest


def _require_length(path: Path, expected: int) -> None:
    with read_errors(path):
        found = path.lstat().st_size
    if found != expected:
        raise DataError(f"{path}: damaged: {found} bytes instead of {expected}: {REPAIR}")


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array, not yet filled, whose memory begins at a multiple of 64 bytes: TensorFlow can use it as it is."""
    count = math.prod(shape) * dtype.itemsize
    memory = np.empty(count + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + count].view(dtype).reshape(shape)
