"""A shard as one HDF5 file: an array for each thing stored, contiguous, so that any clip is one read.

Two builds of the same clips give the same bytes. Reading does not trust the file: HDF5 can lead to other files,
promise any size or hide compressed bombs, so each array must be plain, of the shape that the manifest implies
and within the file; then its bytes are read by their place, without HDF5.
"""

import functools
import hashlib
import io
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import to_json
from fat2019.errors import DataError
from fat2019.store.formats.base import Run, StorageFormat, Target, unpacked
from fat2019.store.schema import ARRAYS, ClipFeatures, ShardHead, ShardShape
from fat2019.store.shards import REPAIR, FileRecord, open_regular, read_errors, require_key

HDF5_SUFFIX = ".h5"
CHECKSUMS = "crc32c"  # (clips, arrays), written last
_COLUMNS = {name: column for column, name in enumerate(ARRAYS)}


class Hdf5Format(StorageFormat):
    """One file with every array."""

    name = "hdf5"
    suffixes = (HDF5_SUFFIX,)

    def arrays(self, suffix: str) -> tuple[str, ...]:
        return tuple(ARRAYS)

    def write(self, path: Path, suffix: str, head: ShardHead, clips: Sequence[ClipFeatures]) -> FileRecord:
        import h5py

        shape = ShardShape.of(head, clips)
        datasets = _datasets(shape)
        with _DiskErrorsLater(path, "x+b") as file:
            with h5py.File(file, "w") as hdf5:
                _write_attributes(hdf5, head)
                names = np.array([name.encode() for name in head.vocabulary.names])
                hdf5.create_dataset("vocabulary", data=names, track_times=False)
                places = {name: _make_room(hdf5, name, *array) for name, array in datasets.items()}
            file.raise_error()
            checksums = _Checksums(len(clips))
            for name, (_, dtype) in datasets.items():
                file.seek(places[name])
                for piece in _pieces(name, shape, clips, checksums):
                    stored = np.ascontiguousarray(piece, dtype)
                    checksums.note(name, stored)
                    file.write(stored)
            file.raise_error()
            os.fsync(file.fileno())
        with path.open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
            return FileRecord(shape.stem + HDF5_SUFFIX, os.fstat(written.fileno()).st_size, sha256)

    def read(self, folder: Path, shape: ShardShape, runs: Sequence[Run], targets: Mapping[str, Target]) -> None:
        with Hdf5Shard(folder, shape, targets) as shard:
            for row, position, clips in runs:
                for name, target in targets.items():
                    offset = target.offset[position : position + clips + 1].tolist()
                    shard.read_into(name, int(shape.offset(name)[row]), target.array[offset[0] : offset[-1]])
                    shard.check(name, row, target.array, offset)

    def clips(self, folder: Path, shape: ShardShape) -> Iterator[ClipFeatures]:
        datasets = _datasets(shape)
        with Hdf5Shard(folder, shape, datasets) as shard:
            for name, array in ARRAYS.items():
                if array.lengths and not np.array_equal(shard.read(array.offset_name), shape.offset(name)):
                    raise DataError(
                        f"{shard.path}: damaged: {array.offset_name} is not what its manifest implies: {REPAIR}"
                    )
            for row in range(len(shape.fnames)):
                stored = {name: shard.read(name, *shape.offset(name)[row : row + 2].tolist()) for name in ARRAYS}
                for name, values in stored.items():
                    shard.check(name, row, values, [0, len(values)])
                entries = {name: values if ARRAYS[name].lengths else values[0] for name, values in stored.items()}
                yield unpacked(entries, shard.path)


class Hdf5Shard:
    """A shard's HDF5 file, open for reading some of its arrays.

    Args:
        folder: of the store.
        shape: what the manifest says of the shard.
        names: the arrays wanted; each takes time to be checked.

    Raises:
        DataError: the file is damaged, or not the shard that the manifest describes.
    """

    def __init__(self, folder: Path, shape: ShardShape, names: Iterable[str]) -> None:
        self.path = folder / (shape.stem + HDF5_SUFFIX)
        every = _datasets(shape)
        self._shape = shape
        self._datasets = {name: every[name] for name in (*names, *({CHECKSUMS} & every.keys()))}
        self._file = open_regular(self.path)
        try:
            self._places = self._locate(shape)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, name: str, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """The rows from ``first`` up to ``last`` of an array, by default all."""
        dimensions, dtype = self._datasets[name]
        rows = (dimensions[0] if last is None else last) - first
        target = np.empty((rows, *dimensions[1:]), dtype)
        self.read_into(name, first, target)
        return target

    def read_into(self, name: str, first: int, target: NDArray[Any]) -> None:
        """The rows from ``first`` on, as many as ``target`` has; it is C-ordered and of the array's type."""
        row_bytes = target.nbytes // len(target)
        position = self._places[name] + first * row_bytes
        view, done = memoryview(target.reshape(-1).view(np.uint8)), 0  # type: ignore[arg-type]
        while done < len(view):
            with read_errors(self.path):
                count = os.preadv(self._file.fileno(), [view[done:]], position + done)
            if count == 0:
                raise DataError(f"{self.path}: damaged: shorter than its manifest says: {REPAIR}")
            done += count

    def check(self, name: str, row: int, stored: NDArray[Any], offset: Sequence[int]) -> None:
        """Check that what was read of an array is what was written.

        Args:
            name: of the array.
            row: the first of the clips read.
            stored: ``(entries, ...)``.
            offset: ``(clips + 1,)``, where the entries of each clip begin.

        Raises:
            DataError: it is not.
        """
        if self._checksums is None:
            return
        # In one expression: there are tens of thousands of clips.
        found = [google_crc32c.value(stored[first:last]) for first, last in itertools.pairwise(offset)]
        expected = self._checksums[row : row + len(found), _COLUMNS[name]].tolist()
        if found != expected:
            wrong = next(step for step in range(len(found)) if found[step] != expected[step])
            fname = self._shape.fnames[row + wrong]
            raise DataError(f"{self.path}: damaged: {name} of {fname} does not match its checksum: {REPAIR}")

    @functools.cached_property
    def _checksums(self) -> NDArray[np.uint32] | None:
        """``(clips, arrays)``; none before version 2."""
        return self.read(CHECKSUMS) if CHECKSUMS in self._datasets else None

    def _locate(self, shape: ShardShape) -> dict[str, int]:
        import h5py

        try:
            # Through the open file, so that nobody can put another one in its place in between.
            with h5py.File(self._file, "r") as hdf5:
                _check_key(hdf5, shape.key, self.path)
                size = os.fstat(self._file.fileno()).st_size
                return {
                    name: _place(hdf5, name, dimensions, dtype, size)
                    for name, (dimensions, dtype) in self._datasets.items()
                }
        except DataError:
            raise
        except Exception as error:  # a damaged file makes h5py raise nearly anything
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{self.path}: damaged: {reason}: {REPAIR}") from error


class _DiskErrorsLater(io.FileIO):
    """A file whose write errors are kept until asked for.

    HDF5 cannot close a file that it could not write (a full disk), and fails again when the process ends.
    """

    _error: OSError | None = None

    def write(self, data: Any) -> int:
        view, done = memoryview(data).cast("B"), 0
        try:
            while done < len(view):  # one call may write less than all
                done += super().write(view[done:])
        except OSError as error:
            self._error = self._error or error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def raise_error(self) -> None:
        if self._error:
            raise self._error


def _datasets(shape: ShardShape) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of each array in the file, but for the vocabulary: those of clips, each with its offsets."""
    datasets = {}
    for name, array in ARRAYS.items():
        datasets[name] = (shape.dimensions(name), array.dtype(shape))
        if array.lengths:
            datasets[array.offset_name] = ((len(shape.fnames) + 1,), np.dtype("<i8"))
    if shape.format_version >= 2:
        datasets[CHECKSUMS] = ((len(shape.fnames), len(ARRAYS)), np.dtype("<u4"))
    return datasets


class _Checksums:
    """The CRC-32C of what each clip has in each array, noted while it is written."""

    def __init__(self, clips: int) -> None:
        self.values = np.zeros((clips, len(ARRAYS)), np.uint32)
        self._written = dict.fromkeys(ARRAYS, 0)

    def note(self, name: str, stored: NDArray[Any]) -> None:
        """A piece of an array: a clip's entries where clips have several, else an entry for each clip."""
        if name in ARRAYS:
            for entries in [stored] if ARRAYS[name].lengths else stored[:, None]:
                self.values[self._written[name], _COLUMNS[name]] = google_crc32c.value(entries)
                self._written[name] += 1


def _pieces(name: str, shape: ShardShape, clips: Sequence[ClipFeatures], checksums: _Checksums) -> Iterable[Any]:
    """What goes into an array, in pieces along its first axis: large ones clip by clip, so that none is held twice."""
    if name == CHECKSUMS:
        return [checksums.values]
    of_offsets = {array.offset_name: array.name for array in ARRAYS.values() if array.lengths}
    if name in of_offsets:
        return [shape.offset(of_offsets[name])]
    array = ARRAYS[name]
    packed = (array.pack(getattr(clip, name), shape) for clip in clips)
    return packed if array.lengths else [list(packed)]


def _make_room(hdf5: Any, name: str, dimensions: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """An array in one piece, without its contents; and where that piece begins in the file.

    They are written there without HDF5, as they are read: a call of h5py for each clip took longer than the disk.
    """
    import h5py

    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dataset = hdf5.create_dataset(name, dimensions, dtype, track_times=False, dcpl=properties)
    return int(dataset.id.get_offset())


def _write_attributes(hdf5: Any, head: ShardHead) -> None:
    hdf5.attrs["format_version"] = np.int64(head.format_version)
    for name, text in (
        ("name", head.name),
        ("split", head.split),
        ("key", head.key),
        ("config", to_json(head.config)),
        ("config_digest", head.config.digest()),
    ):
        hdf5.attrs[name] = np.bytes_(text.encode())


def _check_key(hdf5: Any, key: str, path: Path) -> None:
    attribute = hdf5.attrs.get_id("key")
    if attribute.shape != () or attribute.dtype != np.dtype(f"S{len(key)}"):
        raise ValueError(f"its key is not a string of {len(key)} characters")
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    require_key(value[()], key, path)


def _place(hdf5: Any, name: str, dimensions: tuple[int, ...], dtype: np.dtype[Any], size: int) -> int:
    """Where the array lies in the file; only a plain one, in this file, of the expected shape."""
    import h5py

    if not isinstance(hdf5.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is missing, or a link")
    dataset = hdf5[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.shape != dimensions:
        raise ValueError(f"{name} is not an array {dtype} {dimensions}")
    # Only an array in one piece in this file has a place: no chunked, compact, virtual or external one.
    place = dataset.id.get_offset()
    if place is None:
        raise ValueError(f"{name} is not stored in one piece in this file")
    if place + dataset.nbytes > size:
        raise ValueError(f"{name} reaches beyond the end of the file")
    return int(place)
