"""A shard as two TFRecord files of one ``tf.train.Example`` a clip: its log-mel, and its audio.

Training that streams reads the log-mels alone, a small part of the bytes. Reading checks every checksum, and
takes no more memory than the file has bytes.
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from fat2019.errors import DataError
from fat2019.store.formats.base import Run, StorageFormat, Target, unpacked
from fat2019.store.formats.records import decode_example, encode_example, read_records, write_records
from fat2019.store.schema import ARRAYS, ClipFeatures, ShardHead, ShardShape
from fat2019.store.shards import REPAIR, FileRecord, open_regular, require_key

AUDIO_SUFFIX = ".audio.tfrecord"
LOG_MEL_SUFFIX = ".logmel.tfrecord"
_NAME = "fname"  # is in every record


class TFRecordFormat(StorageFormat):
    """Two files: what training streams, which must not read audio for it, and the rest."""

    name = "tfrecord"
    suffixes = (AUDIO_SUFFIX, LOG_MEL_SUFFIX)
    streamed_suffix = LOG_MEL_SUFFIX

    def arrays(self, suffix: str) -> tuple[str, ...]:
        is_trained_on = suffix == LOG_MEL_SUFFIX
        return tuple(name for name, array in ARRAYS.items() if name == _NAME or array.is_trained_on is is_trained_on)

    def write(self, path: Path, suffix: str, head: ShardHead, clips: Sequence[ClipFeatures]) -> FileRecord:
        names, shape = self.arrays(suffix), ShardShape.of(head, clips)
        with _HashedFile(path) as file:
            write_records(file, (encode_example(_features(shape, row, clip, names)) for row, clip in enumerate(clips)))
            return FileRecord(shape.stem + suffix, *file.finish())

    def read(self, folder: Path, shape: ShardShape, runs: Sequence[Run], targets: Mapping[str, Target]) -> None:
        wanted: dict[int, list[int]] = {}
        for row, position, clips in runs:
            for step in range(clips):
                wanted.setdefault(row + step, []).append(position + step)
        last_row = max(wanted)
        for suffix in self.suffixes:
            here = [name for name in self.arrays(suffix) if name in targets]
            for example in _examples(folder / (shape.stem + suffix), shape) if here else ():
                for position in wanted.get(example.row, ()):
                    for name in here:
                        first, last = targets[name].offset[[position, position + 1]]
                        targets[name].array[first:last] = example.value(name, shape)
                if last_row <= example.row < len(shape.fnames) - 1:
                    break  # but a file of which the last is wanted is read to its end, where more would be damage

    def clips(self, folder: Path, shape: ShardShape) -> Iterator[ClipFeatures]:
        files = [(self.arrays(suffix), folder / (shape.stem + suffix)) for suffix in self.suffixes]
        for examples in zip(*(_examples(path, shape) for _, path in files), strict=True):
            stored = {
                name: example.value(name, shape)
                for (names, _), example in zip(files, examples, strict=True)
                for name in names
            }
            yield unpacked(stored, examples[-1].path)


def require_whole(path: Path) -> None:
    """Read a file's records to find what is the matter with it.

    Raises:
        DataError: it cannot be read, a checksum does not hold, or a record is no example.
    """
    for row, record in enumerate(read_records(path)):
        _decoded(path, row, record)


class _HashedFile:
    """A new file that is hashed while it is written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def finish(self) -> tuple[int, str]:
        """Make the file durable; its length and SHA-256."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell(), self._digest.hexdigest()


def _features(shape: ShardShape, row: int, clip: ClipFeatures, names: Sequence[str]) -> dict[str, bytes | int]:
    """What the record of a clip holds in the file of these arrays."""
    features: dict[str, bytes | int] = {"row": row, "key": shape.key.encode()}
    for name in names:
        array = ARRAYS[name]
        packed = array.pack(getattr(clip, name), shape)
        if isinstance(packed, bytes):
            features[name] = packed
        elif not array.lengths and not array.entry(shape):
            features[name] = int(packed)
        else:
            features[name] = np.asarray(packed, array.dtype(shape)).tobytes()
    if "log_mel" in names:
        features["frames"] = len(clip.log_mel)  # for those who stream, without a manifest
    return features


class _Example:
    """A record whose features have yet to prove what they are."""

    def __init__(self, path: Path, row: int, features: Mapping[str, Any]) -> None:
        self.path, self.row, self._features = path, row, features

    def value(self, name: str, shape: ShardShape) -> Any:
        """What is stored of an array: text as bytes, one number, or an array."""
        array, entry, dtype = ARRAYS[name], ARRAYS[name].entry(shape), ARRAYS[name].dtype(shape)
        if dtype.kind == "S":
            return self._of_type(name, bytes)
        if not array.lengths and not entry:
            return self.number(name)
        first, last = shape.offset(name)[self.row : self.row + 2].tolist()
        dimensions = (last - first, *entry) if array.lengths else entry
        stored, expected = self._of_type(name, bytes), dtype.itemsize * math.prod(dimensions)
        if len(stored) != expected:
            raise self._error(f"{name} has {len(stored)} bytes instead of {expected}")
        return np.frombuffer(stored, dtype).reshape(dimensions)

    def number(self, name: str) -> int:
        return int(self._of_type(name, int))

    def text(self, name: str) -> str:
        return str(self._of_type(name, bytes).decode(errors="replace"))

    def _of_type(self, name: str, kind: type) -> Any:
        value = self._features.get(name)
        if type(value) is not kind:
            raise self._error(f"{name} is missing or of another type")
        return value

    def _error(self, reason: str) -> DataError:
        return DataError(f"{self.path}: damaged: in record {self.row}, {reason}: {REPAIR}")


def _examples(path: Path, shape: ShardShape) -> Iterator[_Example]:
    """The records of a file, which must be those of the shard's clips in order."""
    open_regular(path).close()
    count = 0
    for row, record in enumerate(read_records(path)):
        count = row + 1
        if count > len(shape.fnames):
            break
        example = _Example(path, row, _decoded(path, row, record))
        require_key(example.text("key").encode(), shape.key, path)
        if example.text(_NAME) != shape.fnames[row] or example.number("row") != row:
            raise DataError(f"{path}: damaged: record {row} is not that of {shape.fnames[row]}: {REPAIR}")
        if path.name.endswith(LOG_MEL_SUFFIX) and example.number("frames") != shape.frames[row]:
            raise DataError(f"{path}: damaged: frames of {shape.fnames[row]}: {REPAIR}")
        yield example
    if count != len(shape.fnames):
        raise DataError(f"{path}: damaged: {count} records instead of {len(shape.fnames)}: {REPAIR}")


def _decoded(path: Path, row: int, record: bytes) -> Mapping[str, Any]:
    try:
        return decode_example(record)
    except DataError as error:
        raise DataError(f"{path}: damaged: in record {row}, {error}: {REPAIR}") from error
