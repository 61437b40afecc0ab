"""The two readers: the windows that a search clip by clip finds, and the same ones by either path."""

import fnmatch
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from fat2019.augmentations.mixup import MixUp
from fat2019.augmentations.spec_augment import SpecAugment
from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.feed import sources as readers
from fat2019.feed.sampling import Sampler
from fat2019.feed.sources import MemoryReader, StreamReader, over_windows, share
from fat2019.store.formats.records import encode_example, write_records
from fat2019.store.reader import FlatLogMels, LogMelFile
from fat2019.store.shards import CHANGED, REPAIR

CLIPS, IN_SHARDS = 50, (7, 1, 12, 0, 30)  # of the made-up store
BANDS, WINDOW = 5, 10


def config_of(dtype):
    return FeatureConfig(mel_bands=BANDS, window_samples=1024 + (WINDOW - 1) * 512, dtype=dtype)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    """So that 50 clips are enough to cross every boundary."""
    monkeypatch.setattr(readers, "_EXAMPLES_AT_ONCE", 16)
    monkeypatch.setattr(readers, "_SHARDS_AT_ONCE", 2)
    monkeypatch.setattr(readers, "_SHUFFLE_CLIPS", 20)


class MadeUpStore:
    """Random log-mels and energies; clip 0 is one window long, clip 1 silent, clip 2 of one value."""

    def __init__(self, folder, dtype):
        rng = np.random.default_rng(0)
        self.config = config_of(dtype)
        frames = rng.integers(WINDOW, 60, CLIPS)
        frames[0] = WINDOW
        self.log_mels = [rng.uniform(0, 255, (n, BANDS)).astype(dtype) for n in frames]
        self.log_mels[2][:] = 7
        self.energies = [np.concatenate([[0], np.cumsum(rng.integers(0, 2**50, n + 1))]) for n in frames]
        self.energies[1][:] = 0
        self.decibel_ranges = rng.uniform([-90, -10], [-60, 0], (CLIPS, 2)).astype("<f4")
        self.files, first = [], 0
        for number, clips in enumerate(IN_SHARDS):
            file = LogMelFile(folder / f"{number}.logmel.tfrecord", first, clips, f"key {number}")
            write(file.path, self.records(file))
            self.files.append(file)
            first += clips

    def records(self, file):
        return [self._record(file.first_clip + row, row, file.key) for row in range(file.clips)]

    def _record(self, clip, row, key):
        return encode_example(
            {
                "fname": b"x.wav",
                "row": row,
                "key": key.encode(),
                "frames": len(self.log_mels[clip]),
                "log_mel": self.log_mels[clip].tobytes(),
                "energy": self.energies[clip].tobytes(),
                "decibel_range": self.decibel_ranges[clip].tobytes(),
            }
        )

    def memory_reader(self, clips):
        log_mels, energies = ([arrays[clip] for clip in clips] for arrays in (self.log_mels, self.energies))
        flat = FlatLogMels(
            np.concatenate(log_mels),
            offsets(log_mels),
            np.concatenate(energies),
            offsets(energies),
            self.decibel_ranges[clips],
        )
        return MemoryReader(flat, self.config)

    def stream_reader(self, clips, files=None):
        index = np.full(CLIPS, -1)
        index[clips] = np.arange(len(clips))
        return StreamReader(files or self.files, index, self.config)

    def reader(self, kind, clips):
        return {"memory": self.memory_reader, "stream": self.stream_reader}[kind](clips)


def write(path, records):
    with path.open("wb") as file:
        write_records(file, records)


def offsets(arrays):
    return np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)


@pytest.fixture(scope="module")
def store_of(tmp_path_factory):
    made = {dtype: MadeUpStore(tmp_path_factory.mktemp(dtype), dtype) for dtype in ("uint8", "float16", "float32")}
    return made.__getitem__


def some_clips(seed=0, count=35):
    return np.random.default_rng(seed).permutation(CLIPS)[:count]  # in no order, and not all of the store


def epoch_of(clips, number=0, weights=None):
    weights = np.resize([1.0, 2.0, 0.0, 0.5, 3.0], len(clips)) if weights is None else weights
    return Sampler(
        weights, np.ones(len(clips), np.uint8), seed=3, candidates=3, augmentations=(SpecAugment(), MixUp(0.5))
    ).epoch(number)


def windows_of(reader, epoch, ids, batch):
    return reader.places(epoch, ids).rebatch(batch).map(reader.cut)


def read(reader, epoch, ids=None, batch=8):
    """All batches, as NumPy arrays."""
    return list(windows_of(reader, epoch, epoch.order if ids is None else ids, batch).as_numpy_iterator())


def by_example(batches):
    order = np.argsort(np.concatenate([batch.example for batch in batches]))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts)[order], *batches)


def slow_window(log_mel, energy, uniforms):
    """The loudest candidate, found one by one: (WINDOW, BANDS)."""
    places = len(log_mel) - WINDOW + 1
    starts = [int(np.float32(uniform) * np.float32(places)) for uniform in uniforms]
    loudness = [int(energy[start + WINDOW + 1]) - int(energy[start]) for start in starts]
    start = starts[loudness.index(max(loudness))]
    return log_mel[start : start + WINDOW]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("kind", ["memory", "stream"])
def test_each_window_is_the_loudest_candidate_of_its_clip(store_of, kind, dtype):
    store, clips = store_of(dtype), some_clips()
    assert {0, 1, 2} & set(clips.tolist())
    epoch = epoch_of(clips)
    windows = by_example(read(store.reader(kind, clips), epoch))
    np.testing.assert_array_equal(windows.example, np.arange(len(epoch.clip)))
    np.testing.assert_array_equal(windows.clip, epoch.clip)
    assert windows.window.dtype == dtype
    for example, clip in enumerate(epoch.clip.numpy()):
        in_store = clips[clip]
        expected = slow_window(store.log_mels[in_store], store.energies[in_store], epoch.window[example].numpy())
        np.testing.assert_array_equal(windows.window[example], expected)
    np.testing.assert_array_equal(windows.low, windows.window.min(axis=(1, 2)))
    np.testing.assert_array_equal(windows.high, windows.window.max(axis=(1, 2)))
    steps = np.diff(store.decibel_ranges[clips[epoch.clip.numpy()]])[:, 0] / 255 if dtype == "uint8" else 1
    spans = windows.high.astype(np.float64) - windows.low.astype(np.float64)
    np.testing.assert_allclose(windows.decibels, spans * steps, rtol=1e-5)
    tf.nest.map_structure(np.testing.assert_array_equal, windows.drawn, epoch.drawn)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("number", [0, 3])
def test_both_readers_cut_the_same_windows_to_the_bit(store_of, dtype, number):
    store, clips = store_of(dtype), some_clips(1)
    epoch = epoch_of(clips, number)
    memory, stream = (by_example(read(store.reader(kind, clips), epoch)) for kind in ("memory", "stream"))
    for ours, theirs in zip(tf.nest.flatten(memory), tf.nest.flatten(stream), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("kind", ["memory", "stream"])
@pytest.mark.parametrize("ids", [[], [4], [3, 1, 20, 7, 8, 9, 10, 11, 12, 0], range(0, 46, 3)])
def test_of_the_entries_exactly_those_asked_for_come(store_of, kind, ids):
    clips = some_clips()
    epoch = epoch_of(clips)
    batches = read(store_of("uint8").reader(kind, clips), epoch, tf.constant(list(ids), tf.int64))
    assert sorted(example for batch in batches for example in batch.example.tolist()) == sorted(ids)
    assert [len(batch.example) for batch in batches] == [8] * (len(ids) // 8) + [len(ids) % 8] * (len(ids) % 8 > 0)


def test_memory_keeps_to_the_order_asked_for(store_of):
    clips = some_clips()
    epoch = epoch_of(clips)
    batches = read(store_of("uint8").memory_reader(clips), epoch, batch=5)
    np.testing.assert_array_equal(np.concatenate([batch.example for batch in batches]), epoch.order)


@pytest.mark.parametrize("kind", ["memory", "stream"])
def test_batches_are_the_same_whatever_the_threads_and_the_global_seed(store_of, kind):
    clips = some_clips()
    reader, epoch = store_of("uint8").reader(kind, clips), epoch_of(clips)

    def flat(threads, seed):
        tf.random.set_seed(seed)
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        dataset = windows_of(reader, epoch, epoch.order, 8).with_options(options)
        return [part.tobytes() for batch in dataset.as_numpy_iterator() for part in tf.nest.flatten(batch)]

    assert flat(1, 0) == flat(8, 1) == flat(3, 2)


def test_the_stream_has_another_order_each_epoch_and_mixes_the_shards(store_of):
    store, clips = store_of("uint8"), np.arange(CLIPS)
    reader, ones = store.stream_reader(clips), np.ones(CLIPS)
    orders = [
        np.concatenate([batch.clip for batch in read(reader, epoch_of(clips, number, ones))]) for number in range(6)
    ]
    assert len({tuple(order) for order in orders}) == 6
    shard = np.repeat(np.arange(len(IN_SHARDS)), IN_SHARDS)
    # Were the shards not shuffled, the 7 clips of the first would always be in the first block, which has 20 clips.
    assert max(np.flatnonzero(shard[order] == 0).max() for order in orders) >= 20
    # In shard order 46 of the 49 neighbours are of one shard. Some always are: the last has 30 of the 50 clips.
    assert np.mean([(shard[order[1:]] == shard[order[:-1]]).sum() for order in orders]) < 40
    # Within a shard, too, the order is another one.
    assert all(np.any(np.diff(order[shard[order] == 4]) < 0) for order in orders)


def test_two_uses_of_a_clip_are_not_always_side_by_side_in_the_stream(store_of):
    clips = np.arange(CLIPS)
    epoch = epoch_of(clips, 0, np.full(CLIPS, 2.0))
    order = np.concatenate([batch.clip for batch in read(store_of("uint8").stream_reader(clips), epoch)])
    assert (np.diff(order) == 0).mean() < 0.2


def test_shards_without_a_chosen_clip_are_not_opened(store_of, tmp_path):
    store = store_of("uint8")
    unused, *others = store.files
    clips = np.arange(unused.clips, CLIPS)
    reader = store.stream_reader(clips, [unused._replace(path=tmp_path / "missing"), *others])
    assert sum(len(batch.example) for batch in read(reader, epoch_of(clips, 0, np.ones(43)))) == 43


def flip(path):
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


SPOILT = {
    "another shard": (lambda path, records, others: write(path, others), "{path}: " + CHANGED),
    "a clip before the others": (
        lambda path, records, others: write(path, [others[0], *records]),
        "{path}: " + CHANGED,
    ),
    "another order": (lambda path, records, others: write(path, records[::-1]), "{path}: " + CHANGED),
    "records missing": (lambda path, records, others: write(path, records[:-1]), "{path}: " + CHANGED),
    "no records": (lambda path, records, others: write(path, []), "{path}: " + CHANGED),
    "no example": (
        lambda path, records, others: write(path, [b"\xff", *records[1:]]),
        "{path}: damaged: in record 0, its bytes are not a tf.train.Example: *: " + REPAIR,
    ),
    "a flipped byte": (
        lambda path, records, others: flip(path),
        "{path}: damaged: a record does not match its checksum: " + REPAIR,
    ),
    "no file": (
        lambda path, records, others: path.unlink(),
        "{path}: cannot be read: No such file or directory: " + REPAIR,
    ),
    "a folder": (
        lambda path, records, others: (path.unlink(), path.mkdir()),
        "{path}: cannot be read: Is a directory: " + REPAIR,
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_shard_that_is_spoilt_between_two_epochs_ends_the_stream_in_one_line(tmp_path, what):
    store, clips = MadeUpStore(tmp_path, "uint8"), np.arange(CLIPS)
    reader, epoch = store.stream_reader(clips), epoch_of(clips, 0, np.ones(CLIPS))
    assert sum(len(batch.example) for batch in read(reader, epoch)) == CLIPS
    spoil, line = SPOILT[what]
    file, others = store.files[2], store.files[4]
    spoil(file.path, store.records(file), store.records(others))
    with pytest.raises(DataError) as caught, reader.reading():
        read(reader, epoch)
    assert fnmatch.fnmatchcase(str(caught.value), line.format(path=file.path))


def test_records_after_those_of_the_shard_are_not_taken_for_other_clips(tmp_path):
    store, clips = MadeUpStore(tmp_path, "uint8"), np.arange(CLIPS)
    epoch = epoch_of(clips, 0, np.ones(CLIPS))
    expected = by_example(read(store.stream_reader(clips), epoch))
    file = store.files[0]
    write(file.path, [*store.records(file), store.records(file)[0]])
    found = by_example(read(store.stream_reader(clips), epoch))
    np.testing.assert_array_equal(found.example, expected.example)
    np.testing.assert_array_equal(found.window, expected.window)


def test_an_error_of_the_training_itself_stays_what_it_is_while_records_are_streamed(store_of):
    clips = some_clips()
    error = tf.errors.InvalidArgumentError(None, None, "indices[0] = 5 is not in [0, 3)")
    with pytest.raises(tf.errors.InvalidArgumentError), store_of("uint8").stream_reader(clips).reading():
        raise error


def test_cut_and_choice_can_be_called_in_a_compiled_training_step(store_of):
    """Bytes come out of it: they are scaled where the step runs."""
    clips = some_clips()
    reader, epoch = store_of("uint8").memory_reader(clips), epoch_of(clips)

    @tf.function
    def step(example):
        clip = tf.gather(epoch.clip, example)
        row, low, high = reader.locate(clip, reader.max_energy_starts(clip, tf.gather(epoch.window, example)))
        return reader.cut(example, clip, row, low, high, epoch.drawn_for(example))

    [expected] = read(reader, epoch, batch=1000)
    ours = step(epoch.order)
    assert ours.window.dtype == tf.uint8
    tf.nest.map_structure(np.testing.assert_array_equal, ours, expected)


def test_an_aligned_array_is_shared_and_another_one_copied():
    memory = np.zeros(64 * 5, np.uint8)
    first = -memory.ctypes.data % 64
    aligned, crooked = memory[first : first + 64], memory[first + 1 : first + 65]
    tensors = share(aligned), share(crooked)
    memory[:] = 1
    np.testing.assert_array_equal(tensors[0], np.ones(64))
    np.testing.assert_array_equal(tensors[1], np.zeros(64))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64])
def test_a_shared_array_keeps_type_and_values_after_its_owner_is_gone(dtype):
    memory = np.arange(64 * 9, dtype=np.uint8)
    first = -memory.ctypes.data % 64
    array = memory[first : first + 64].view(dtype).reshape(2, -1)
    expected = array.copy()
    tensor = share(array)
    del memory, array
    assert tensor.dtype == dtype
    assert tensor.numpy().tobytes() == expected.tobytes()


@given(
    frames=st.integers(1, 40),
    window=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["u1", "f4"]),
)
@pytest.mark.parametrize("extreme", [np.minimum, np.maximum])
@pytest.mark.parametrize("at_once", [7, 1 << 16])
def test_the_extremes_of_all_windows_are_those_of_each(extreme, at_once, frames, window, seed, dtype):
    log_mel = (100 * np.random.default_rng(seed).standard_normal((frames, 3))).astype(np.int64).astype(dtype)
    expected = [extreme.reduce(log_mel[start : start + window], axis=None) for start in range(frames)]
    with mock.patch.object(readers, "_FRAMES_AT_ONCE", at_once):
        found = over_windows(extreme, log_mel, window)
    assert found.dtype == log_mel.dtype
    np.testing.assert_array_equal(found, expected)
