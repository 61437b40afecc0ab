"""Two ways to the same windows: log-mels held in memory, or streamed from TFRecord shards.

A reader turns an :class:`~fat2019.feed.sampling.Epoch` into batches of :class:`Windows`. Nothing here works on single
examples or enters Python: small things are computed for a thousand examples at once, large ones for a batch.
"""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.feed.sampling import Epoch
from fat2019.feed.windows import candidate_starts, max_energy_candidate
from fat2019.store.formats.tfrecord import require_whole
from fat2019.store.reader import FlatLogMels, LogMelFile, aligned
from fat2019.store.shards import CHANGED, REPAIR

_EXAMPLES_AT_ONCE = 1024  # enough that the cost of calling an op vanishes, few enough to stay in the cache
_FRAMES_AT_ONCE = 1 << 16  # of the array whose windows' ranges are worked out: what is kept in between stays small
_SHARDS_AT_ONCE = 16
_SHUFFLE_CLIPS = 2048

# What TensorFlow raises where records are read, and what is the matter with them; none: what the system says.
_WRONG_RECORDS: dict[type[Exception], str | None] = {
    tf.errors.DataLossError: "damaged: a record is cut short or does not match its checksum",
    tf.errors.InvalidArgumentError: "damaged: a record is not what build-features writes",
    UnicodeDecodeError: "damaged: a record is not what build-features writes",  # a message that quotes its bytes
    tf.errors.NotFoundError: None,
    tf.errors.FailedPreconditionError: None,
    tf.errors.PermissionDeniedError: None,
    tf.errors.UnavailableError: None,
    tf.errors.UnknownError: None,
}
_TAKING_A_BATCH = "IteratorGetNext"  # is in the message of every error that comes out of a data set


class Windows(NamedTuple):
    """A batch of windows as they are stored, not yet scaled, and what is to be done to them."""

    example: tf.Tensor  # (batch,) int64, id within the epoch
    clip: tf.Tensor  # (batch,) int64
    window: tf.Tensor  # (batch, frames, mels) as stored
    low: tf.Tensor  # (batch,) least value in the window, as stored
    high: tf.Tensor  # (batch,) greatest value
    decibels: tf.Tensor  # (batch,) float32, its range from low to high
    drawn: dict[str, Any]  # augmentation parameters, see Epoch.drawn


class Reader(Protocol):
    """What the feed needs of either."""

    def places(self, epoch: Epoch, ids: tf.Tensor) -> tf.data.Dataset:
        """Where the windows of examples ``ids`` are, many at a time, in that order if the reader can."""

    def cut(self, *place: Any) -> Windows:
        """The windows of a batch of places."""

    def reading(self) -> AbstractContextManager[None]:
        """Within it, what goes wrong with a file while batches are taken is a DataError that names it."""


class MemoryReader:
    """All log-mels as one flat array: a window is one gather."""

    def __init__(self, log_mels: FlatLogMels, config: FeatureConfig) -> None:
        """Take over the array without a copy; it must stay as it is for the reader's life.

        Args:
            log_mels: the clips of the training set, in its order.
            config: what they were computed with.
        """
        self._config = config
        self._frames = tf.constant(np.diff(log_mels.frame_offset))
        self._frame_offset = tf.constant(log_mels.frame_offset[:-1])
        self._energy = share(log_mels.energy)
        self._energy_offset = tf.constant(log_mels.energy_offset[:-1])
        self._log_mel = share(log_mels.log_mel)
        # The range of the window that begins at each row, so that finding one is a look at two numbers.
        with ThreadPoolExecutor(2) as threads:  # NumPy lets go of the interpreter, and there are gigabytes to look at
            self._window_low, self._window_high = threads.map(
                lambda extreme: share(over_windows(extreme, log_mels.log_mel, config.window_frames)),
                (np.minimum, np.maximum),
            )
        # Worked out here, so that one product remains: graphs reorder products, which changes their last bit.
        self._decibels_a_step = tf.constant(decibels_a_step(log_mels.decibel_range, config))

    def places(self, epoch: Epoch, ids: tf.Tensor) -> tf.data.Dataset:
        """First rows and value ranges of the windows, in the order of ``ids``."""
        chunks = (tf.size(ids, tf.int64) + _EXAMPLES_AT_ONCE - 1) // _EXAMPLES_AT_ONCE

        def choose(chunk: tf.Tensor) -> tuple[Any, ...]:
            example = ids[chunk * _EXAMPLES_AT_ONCE : (chunk + 1) * _EXAMPLES_AT_ONCE]
            clip = tf.gather(epoch.clip, example)
            start = self.max_energy_starts(clip, tf.gather(epoch.window, example))
            return example, clip, *self.locate(clip, start), epoch.drawn_for(example)

        return tf.data.Dataset.range(chunks).map(choose)

    def cut(
        self,
        example: tf.Tensor,
        clip: tf.Tensor,
        row: tf.Tensor,
        low: tf.Tensor,
        high: tf.Tensor,
        drawn: dict[str, Any],
    ) -> Windows:
        """Copy the windows out of the flat array."""
        decibels = decibels_between(low, high, tf.gather(self._decibels_a_step, clip))
        return Windows(example, clip, self.gather(row), low, high, decibels, drawn)

    def reading(self) -> AbstractContextManager[None]:
        """No file is read any more."""
        return contextlib.nullcontext()

    def max_energy_starts(self, clip: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
        """The max-energy candidates: clips ``(n,)``, ``(n, candidates)`` -> first frames ``(n,)``."""
        starts = candidate_starts(uniforms, tf.gather(self._frames, clip), self._config.window_frames)
        before = tf.gather(self._energy_offset, clip)[:, None] + starts  # (n, candidates)
        return max_energy_candidate(
            starts, tf.gather(self._energy, before + self._config.window_hops) - tf.gather(self._energy, before)
        )

    def locate(self, clip: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """First rows of the windows of clips ``(n,)`` from frames ``(n,)``, and their least and greatest values."""
        row = tf.gather(self._frame_offset, clip) + start
        return row, tf.gather(self._window_low, row), tf.gather(self._window_high, row)

    def gather(self, row: tf.Tensor) -> tf.Tensor:
        """Windows ``(n, frames, mels)`` from their first rows ``(n,)``."""
        return tf.gather(self._log_mel, row[:, None] + tf.range(self._config.window_frames, dtype=tf.int64))


class StreamReader:
    """TFRecord shards, however many: memory holds a few blocks of 2,048 whole clips and nothing else."""

    def __init__(self, files: Sequence[LogMelFile], index: npt.NDArray[np.int64], config: FeatureConfig) -> None:
        """
        Args:
            files: each shard's log-mel records.
            index: ``(clips of the store,)``, each clip's place in the training set, -1 if it is not in it.
            config: what they were computed with.
        """
        self._config = config
        self._files = [file for file in files if np.any(index[file.first_clip : file.first_clip + file.clips] >= 0)]
        first_clip = np.array([file.first_clip for file in self._files])
        in_store = np.argsort(index)[np.count_nonzero(index < 0) :]  # (clips of the training set,)
        shard = np.searchsorted(first_clip, in_store, side="right") - 1
        self._paths = tf.constant([str(file.path) for file in self._files])
        self._keys = tf.constant([file.key for file in self._files])
        self._first_clip = tf.constant(first_clip, tf.int64)
        self._clips = tf.constant([file.clips for file in self._files], tf.int64)
        self._index = tf.constant(index)
        self._shard, self._row = tf.constant(shard, tf.int64), tf.constant(in_store - first_clip[shard], tf.int64)

    def places(self, epoch: Epoch, ids: tf.Tensor) -> tf.data.Dataset:
        """Records of the clips: shards interleaved in random order, then shuffled within blocks of clips.

        The order is the reader's own, a function of the epoch; of ``ids`` it takes the set. ``Dataset.shuffle`` is of
        no use for it, since that depends on TensorFlow's global seed as well.
        """
        wanted = tf.scatter_nd(ids[:, None], tf.ones_like(ids, tf.bool), tf.shape(epoch.clip, tf.int64))
        shard = tf.random.experimental.stateless_shuffle(
            tf.range(tf.size(self._paths)), epoch.stream_order
        )  # (shards,)
        records = tf.data.Dataset.from_tensor_slices(
            tuple(tf.gather(column, shard) for column in (self._paths, self._first_clip, self._clips))
        ).interleave(
            lambda path, first, clips: _records(path, clips).enumerate(first),
            cycle_length=_SHARDS_AT_ONCE,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

        def choose(block: tf.Tensor, of_block: tuple[tf.Tensor, tf.Tensor]) -> tuple[Any, ...]:
            clip_in_store, record = of_block
            clip = tf.gather(self._index, clip_in_store)  # (records,)
            used = tf.where(clip >= 0)[:, 0]
            first = tf.gather(epoch.first_example, tf.gather(clip, used))
            repeats = tf.gather(epoch.first_example, tf.gather(clip, used) + 1) - first
            example = tf.repeat(first, repeats) + tf.ragged.range(repeats).flat_values  # (examples of the block,)
            place = tf.random.experimental.stateless_shuffle(
                tf.where(tf.gather(wanted, example))[:, 0],
                tf.random.experimental.stateless_fold_in(epoch.stream_order, block),
            )
            example = tf.gather(example, place)
            return (
                example,
                tf.gather(epoch.clip, example),
                tf.gather(record, tf.gather(tf.repeat(used, repeats), place)),
                tf.gather(epoch.window, example),
                epoch.drawn_for(example),
            )

        return records.batch(_SHUFFLE_CLIPS).enumerate().map(choose)

    def cut(
        self, example: tf.Tensor, clip: tf.Tensor, record: tf.Tensor, uniforms: tf.Tensor, drawn: dict[str, Any]
    ) -> Windows:
        """Take the windows out of the records."""
        config, dtype = self._config, tf.dtypes.as_dtype(self._config.dtype)
        features = tf.io.parse_example(
            record,
            {
                "key": tf.io.FixedLenFeature([], tf.string),
                "row": tf.io.FixedLenFeature([], tf.int64),
                "frames": tf.io.FixedLenFeature([], tf.int64),
                "log_mel": tf.io.FixedLenFeature([], tf.string),
                "energy": tf.io.FixedLenFeature([], tf.string),
                "decibel_range": tf.io.FixedLenFeature([], tf.string),
            },
        )
        self._require_own(clip, features["key"], features["row"])
        starts = candidate_starts(uniforms, features["frames"], config.window_frames)
        energy = self._energy_at(features["energy"], starts + config.window_hops) - self._energy_at(
            features["energy"], starts
        )
        frame_bytes = config.mel_bands * dtype.size
        bytes_of = tf.strings.substr(
            features["log_mel"],
            tf.cast(max_energy_candidate(starts, energy) * frame_bytes, tf.int32),
            tf.fill(tf.shape(example), config.window_frames * frame_bytes),
        )
        window = tf.reshape(tf.io.decode_raw(bytes_of, dtype), [-1, config.window_frames, config.mel_bands])
        low, high = tf.reduce_min(window, axis=[1, 2]), tf.reduce_max(window, axis=[1, 2])
        decibel_range = tf.reshape(tf.io.decode_raw(features["decibel_range"], tf.float32), [-1, 2])
        decibels = decibels_between(low, high, decibels_a_step(decibel_range, config))
        return Windows(example, clip, window, low, high, decibels, drawn)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Within it, TensorFlow's errors about records come out as one line each.

        Raises:
            DataError: a shard is damaged, gone or another one than when the store was opened. It names the file, which
                is looked for where TensorFlow does not say which it was.
        """
        try:
            yield
        except tuple(_WRONG_RECORDS) as error:
            message = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
            if _TAKING_A_BATCH not in message:  # it is of the training itself
                raise
            paths = [file.path for file in self._files]
            place = next((path for path in paths if str(path) in message), None)
            if place is None:
                for path in paths:
                    require_whole(path)
            raise DataError(f"{place or paths[0].parent}: {_what_is_wrong(error, message)}") from error

    def _require_own(self, clip: tf.Tensor, key: tf.Tensor, row: tf.Tensor) -> None:
        """Refuse records that are not those of their clips ``(n,)``: labels go by the place of a record."""
        shard = tf.gather(self._shard, clip)
        others = (key != tf.gather(self._keys, shard)) | (row != tf.gather(self._row, clip))
        _refuse_changed(tf.gather(self._paths, tf.boolean_mask(shard, others)))

    def _energy_at(self, energy: tf.Tensor, hop: tf.Tensor) -> tf.Tensor:
        """Cumulative energies at ``(n, candidates)`` hops from their ``(n,)`` bytes."""
        repeated = tf.repeat(energy[:, None], hop.shape[1], axis=1)
        eight = tf.strings.substr(repeated, tf.cast(hop * 8, tf.int32), tf.fill(tf.shape(hop), 8))
        return tf.io.decode_raw(eight, tf.int64)[..., 0]


def _records(path: tf.Tensor, clips: tf.Tensor) -> tf.data.Dataset:
    """The first ``clips`` records of a file: more would be taken for clips of the next one, and fewer are refused."""

    def refuse(path: tf.Tensor) -> tf.Tensor:
        _refuse_changed(path[None])
        return path

    return tf.data.TFRecordDataset(path).concatenate(tf.data.Dataset.from_tensors(path).map(refuse)).take(clips)


def _refuse_changed(paths: tf.Tensor) -> None:
    """End the data set if there are any of these paths ``(n,)``, naming the first."""
    tf.debugging.Assert(tf.size(paths) == 0, [CHANGED, paths], summarize=1)


def _what_is_wrong(error: Exception, message: str) -> str:
    if CHANGED in message:
        return CHANGED
    known = next(words for kind, words in _WRONG_RECORDS.items() if isinstance(error, kind))
    reason = message.rpartition("; ")[2].splitlines()[0].partition(" [Op:")[0]  # after "path; "
    return f"{known or f'cannot be read: {reason}'}: {REPAIR}"


def decibels_a_step(value_range: Any, config: FeatureConfig) -> Any:
    """Decibels that 1 of a stored value stands for in clips of these ranges ``(n, 2)``: ``(n,)``, of their kind."""
    dtype = np.dtype(config.dtype)
    if not np.issubdtype(dtype, np.integer):  # log-mels are stored as they are
        return 0 * value_range[:, 0] + np.float32(config.decibels_per_unit)
    return (value_range[:, 1] - value_range[:, 0]) * np.float32(config.decibels_per_unit / np.iinfo(dtype).max)


def decibels_between(low: tf.Tensor, high: tf.Tensor, a_step: tf.Tensor) -> tf.Tensor:
    """Decibels ``(n,)`` from one stored value to another, of which 1 stands for ``a_step`` decibels ``(n,)``."""
    return (tf.cast(high, tf.float32) - tf.cast(low, tf.float32)) * a_step


def over_windows(extreme: np.ufunc, log_mel: npt.NDArray, window_frames: int) -> npt.NDArray:
    """The least or greatest value of every window.

    Args:
        extreme: ``np.minimum`` or ``np.maximum``.
        log_mel: ``(frames, mels)``.
        window_frames: the length of a window.

    Returns:
        ``(frames,)``, of the window that begins at each frame, cut short at the end of the array; aligned, to share.
    """
    found = aligned((len(log_mel),), log_mel.dtype)
    for first in range(0, len(log_mel), _FRAMES_AT_ONCE):
        block = found[first : first + _FRAMES_AT_ONCE]
        values = extreme.reduce(log_mel[first : first + len(block) + window_frames - 1], axis=1)
        covered = 1  # each value is of so many frames
        while covered < window_frames:
            step = min(covered, window_frames - covered)
            values[:-step] = extreme(
                values[:-step], values[step:]
            )  # the right side is whole before the left is written
            covered += step
        block[:] = values[: len(block)]
    return found


def share(array: npt.NDArray) -> tf.Tensor:
    """The array as a tensor that uses the same memory, which must be aligned to 64 bytes; a copy if it is not."""
    if array.ctypes.data % 64:
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
