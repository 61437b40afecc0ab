"""A shard as two TFRecord files of one ``tf.train.Example`` a clip: its log-mel, and its audio.

Training that streams reads the log-mels alone, a small part of the bytes. Reading checks every checksum, and
takes no more memory than the file has bytes.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.quantise import stored_type
from fat2019.errors import DataError
from fat2019.store.formats.records import decode_example, encode_example, read_records, write_records
from fat2019.store.shards import (
    AUDIO_SUFFIX,
    LOG_MEL_SUFFIX,
    REPAIR,
    ClipFeatures,
    FileRecord,
    ShardHead,
    ShardShape,
    energy_points,
    indices_of,
    multi_hot,
    open_regular,
    require_key,
)


def write_tfrecord(path: Path, suffix: str, head: ShardHead, clips: Sequence[ClipFeatures]) -> FileRecord:
    """Write that one of a shard's two files which ends in ``suffix`` to ``path``, which must be new.

    Returns:
        The record of the file, which is durable, under its final name.
    """
    encode = {AUDIO_SUFFIX: _audio_example, LOG_MEL_SUFFIX: _log_mel_example}[suffix]
    with _HashedFile(path) as file:
        write_records(file, (encode(head, row, clip) for row, clip in enumerate(clips)))
        return FileRecord(head.name + suffix, *file.finish())


def read_log_mel_records(
    folder: Path, shape: ShardShape
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float32]]]:
    """Of each clip in order: log-mel ``(frames, mels)``, energy ``(points,)``, decibel range ``(2,)``.

    Raises:
        DataError: the file is damaged, or not of the shard that the manifest describes.
    """
    for example in _examples(folder / (shape.name + LOG_MEL_SUFFIX), shape):
        yield _log_mel_arrays(example, shape)


def read_audio_records(folder: Path, shape: ShardShape) -> Iterator[NDArray[np.int16]]:
    """int16 ``(samples,)`` of each clip in order; errors as :func:`read_log_mel_records`."""
    for example in _examples(folder / (shape.name + AUDIO_SUFFIX), shape):
        yield _samples(example, shape)


def read_tfrecord_clips(folder: Path, shape: ShardShape) -> Iterator[ClipFeatures]:
    """All that the two files hold, clip by clip; errors as :func:`read_log_mel_records`."""
    both = zip(
        _examples(folder / (shape.name + LOG_MEL_SUFFIX), shape),
        _examples(folder / (shape.name + AUDIO_SUFFIX), shape),
        strict=True,
    )
    for first, second in both:
        log_mel, energy, decibel_range = _log_mel_arrays(first, shape)
        labels = first.array("labels", (shape.classes,), np.dtype("u1"))
        yield ClipFeatures(
            fname=shape.fnames[first.row],
            labels=indices_of(labels, first.path),
            usage=first.text("usage"),
            audio=_samples(second, shape),
            log_mel=log_mel,
            decibel_range=decibel_range,
            energy=energy,
            source_rate_hz=second.number("source_rate_hz"),
            source_samples=second.number("source_samples"),
            kept_whole=bool(second.number("kept_whole")),
        )


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


def _log_mel_example(head: ShardHead, row: int, clip: ClipFeatures) -> bytes:
    return encode_example(
        {
            "fname": clip.fname.encode(),
            "row": row,
            "key": head.key.encode(),
            "labels": multi_hot(clip.labels, len(head.vocabulary)).tobytes(),
            "usage": clip.usage.encode(),
            "frames": len(clip.log_mel),
            "log_mel": clip.log_mel.tobytes(),
            "energy": clip.energy.astype("<i8").tobytes(),
            "decibel_range": clip.decibel_range.astype("<f4").tobytes(),
        }
    )


def _audio_example(head: ShardHead, row: int, clip: ClipFeatures) -> bytes:
    return encode_example(
        {
            "fname": clip.fname.encode(),
            "row": row,
            "key": head.key.encode(),
            "audio": clip.audio.astype("<i2").tobytes(),
            "source_rate_hz": clip.source_rate_hz,
            "source_samples": clip.source_samples,
            "kept_whole": int(clip.kept_whole),
        }
    )


class _Example:
    """A record whose features have yet to prove what they are."""

    def __init__(self, path: Path, row: int, features: Mapping[str, Any]) -> None:
        self.path, self.row, self._features = path, row, features

    def array(self, name: str, dimensions: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        value, expected = self._of_type(name, bytes), dtype.itemsize * int(np.prod(dimensions, dtype=np.int64))
        if len(value) != expected:
            raise self._error(f"{name} has {len(value)} bytes instead of {expected}")
        return np.frombuffer(value, dtype).reshape(dimensions)

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
        if example.text("fname") != shape.fnames[row] or example.number("row") != row:
            raise DataError(f"{path}: damaged: record {row} is not that of {shape.fnames[row]}: {REPAIR}")
        yield example
    if count != len(shape.fnames):
        raise DataError(f"{path}: damaged: {count} records instead of {len(shape.fnames)}: {REPAIR}")


def _decoded(path: Path, row: int, record: bytes) -> Mapping[str, Any]:
    try:
        return decode_example(record)
    except DataError as error:
        raise DataError(f"{path}: damaged: in record {row}, {error}: {REPAIR}") from error


def _log_mel_arrays(
    example: _Example, shape: ShardShape
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float32]]:
    frames, config = shape.frames[example.row], shape.config
    if example.number("frames") != frames:
        raise DataError(f"{example.path}: damaged: frames of {shape.fnames[example.row]}: {REPAIR}")
    return (
        example.array("log_mel", (frames, config.mel_bands), stored_type(config)),
        example.array("energy", (energy_points(frames, config),), np.dtype("<i8")),
        example.array("decibel_range", (2,), np.dtype("<f4")),
    )


def _samples(example: _Example, shape: ShardShape) -> NDArray[np.int16]:
    return example.array("audio", (shape.samples[example.row],), np.dtype("<i2"))
