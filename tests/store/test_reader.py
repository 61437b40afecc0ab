"""The store as its readers see it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fat2019.audio.logmel import cumulative_energy, log_mel, repeat_to
from fat2019.config.features import DTYPES, FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore
from tests.builds import file_of
from tests.faults.sounds import A_SHARD, VOCABULARY, data_set, write_sounds

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def stores(data, tmp_path_factory):
    """Stores of the same clips, by formats."""
    stores = {}
    for formats in (("hdf5",), ("tfrecord",), ("hdf5", "tfrecord")):
        out = tmp_path_factory.mktemp("stores") / "-".join(formats)
        build_features(data_set(data), out, FeatureConfig(), formats=formats, workers=1, clips_a_shard=A_SHARD)
        stores[formats] = FeatureStore.open(out)
    return stores


@pytest.fixture(params=[("hdf5",), ("tfrecord",)], ids=lambda formats: formats[0])
def store(request, stores):
    return stores[request.param]


def test_clips_are_listed_by_split_shard_and_name(store, data):
    clips = store.clips
    assert set(clips["fname"]) == {clip.fname for clip in data_set(data).clips}
    assert list(clips.index) == list(range(len(clips)))
    rank = {"curated": 0, "noisy": 1, "test": 2}
    order = [(rank[clip.split], clip.shard, clip.fname) for clip in clips.itertuples()]
    assert order == sorted(order)
    assert (clips.groupby("shard").cumcount() == clips["row"]).all()


def test_labels_and_usage_are_those_of_the_data_set(store, data):
    expected = {clip.fname: clip for clip in data_set(data).clips}
    for index, clip in enumerate(store.clips.itertuples()):
        assert clip.labels == expected[clip.fname].labels
        assert clip.usage == expected[clip.fname].usage
        np.testing.assert_array_equal(store.labels[index], VOCABULARY.encode(clip.labels))
    assert store.labels.dtype == np.uint8


def test_audio_and_log_mel_of_a_clip_follow_from_each_other(store):
    for clip in store.clips.itertuples():
        audio = store.audio(clip.fname)
        assert audio.dtype == np.int16
        assert len(audio) == clip.samples
        expected = log_mel(repeat_to(audio, 48_000))
        assert store.log_mel(clip.fname).shape == (clip.frames, 80)
        assert np.abs(store.log_mel(clip.fname) - expected).max() <= np.ptp(expected) / 255 / 2 + 1e-3


def test_many_log_mels_lie_one_after_another(store):
    flat = store.read_log_mels()
    assert flat.log_mel.ctypes.data % 64 == flat.energy.ctypes.data % 64 == 0
    assert flat.log_mel.flags.c_contiguous
    assert flat.log_mel.dtype == np.uint8
    for index, clip in enumerate(store.clips.itertuples()):
        frames = flat.log_mel[flat.frame_offset[index] : flat.frame_offset[index + 1]]
        low, high = flat.decibel_range[index]
        np.testing.assert_allclose(low + frames * ((high - low) / 255), store.log_mel(clip.fname), atol=1e-3)
        energy = flat.energy[flat.energy_offset[index] : flat.energy_offset[index + 1]]
        np.testing.assert_array_equal(energy, cumulative_energy(repeat_to(store.audio(clip.fname), 48_000)))


@pytest.mark.parametrize("indices", [[0], [5, 2, 9], [3, 4, 5, 6, 7, 8], [15, 0, 0, 7], [2, 3, 2, 3], []])
def test_any_clips_come_in_the_order_asked_for(store, indices):
    every, some = store.read_log_mels(), store.read_log_mels(np.array(indices, np.int64))
    assert some.frame_offset[-1] == len(some.log_mel)
    assert len(some.decibel_range) == len(indices)
    for position, index in enumerate(indices):
        for array, offset in (("log_mel", "frame_offset"), ("energy", "energy_offset")):
            ours, theirs = getattr(some, offset), getattr(every, offset)
            np.testing.assert_array_equal(
                getattr(some, array)[ours[position] : ours[position + 1]],
                getattr(every, array)[theirs[index] : theirs[index + 1]],
            )
        np.testing.assert_array_equal(some.decibel_range[position], every.decibel_range[index])


def test_both_formats_hold_the_same(stores):
    one, other = stores["hdf5",].read_log_mels(), stores["tfrecord",].read_log_mels()
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("indices", [[-1], [16], [0, 99]])
def test_clips_that_are_not_there_cannot_be_read(store, indices):
    with pytest.raises(IndexError, match="expected 0 to 15"):
        store.read_log_mels(np.array(indices))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_stored_type_can_be_read(dtype, data, tmp_path):
    build_features(data_set(data, ("test",)), tmp_path / "s", FeatureConfig(dtype=dtype), workers=1)
    store = FeatureStore.open(tmp_path / "s")
    assert store.read_log_mels().log_mel.dtype == dtype
    fname = store.clips["fname"][0]
    assert np.abs(store.log_mel(fname) - log_mel(repeat_to(store.audio(fname), 48_000))).max() < 0.25


@pytest.mark.slow
def test_tensorflow_parses_the_log_mel_files(stores):
    tf = pytest.importorskip("tensorflow")
    store = stores["hdf5", "tfrecord"]
    read = 0
    for path, first, clips, _ in store.log_mel_files():
        assert first == read
        for row, record in enumerate(tf.data.TFRecordDataset(str(path))):
            example = tf.io.parse_single_example(
                record,
                {
                    "fname": tf.io.FixedLenFeature([], tf.string),
                    "row": tf.io.FixedLenFeature([], tf.int64),
                    "log_mel": tf.io.FixedLenFeature([], tf.string),
                },
            )
            assert example["fname"].numpy().decode() == store.clips["fname"][first + row]
            assert example["row"] == row
            assert len(example["log_mel"].numpy()) == 80 * store.clips["frames"][first + row]
            read += 1
        assert read == first + clips
    assert read == len(store.clips)


def test_a_store_without_tfrecord_files_says_how_to_get_them(stores):
    with pytest.raises(DataError, match="build with --format tfrecord or both"):
        stores["hdf5",].log_mel_files()


def test_an_unknown_clip_is_refused_with_a_hint(store):
    with pytest.raises(DataError, match=r"no clip 'c0001.wav' \(did you mean 'c001.wav'\?\)"):
        store.audio("c0001.wav")


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        FeatureStore.open(tmp_path / "x")
    with pytest.raises(DataError, match="no feature store"):
        FeatureStore.open(tmp_path)


def test_a_missing_or_shortened_shard_is_found_on_opening(data, tmp_path):
    build_features(data_set(data, ("test",)), tmp_path, FeatureConfig(), workers=1)
    [path] = tmp_path.glob("test-00000-of-00001*.h5")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test-00000-of-00001-\w+\.h5: damaged: .*--repair"):
        FeatureStore.open(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"test-00000-of-00001-\w+\.h5: cannot be read: No such file"):
        FeatureStore.open(tmp_path)


def test_a_stranger_can_read_a_shard_as_the_documentation_says(stores):
    text = (ROOT / "features" / "README.md").read_text()
    snippet = text.split("```python\n")[1].split("```")[0]
    store = stores["hdf5",]
    path = file_of(store.path, store.manifest.shards[0], ".h5")
    done = subprocess.run([sys.executable, "-c", snippet, str(path)], capture_output=True, text=True, check=True)
    expected = store.clips[store.clips["shard"] == store.clips["shard"][0]]
    lines = done.stdout.splitlines()
    assert len(lines) == len(expected)
    for line, clip in zip(lines, expected.itertuples(), strict=True):
        low, high = store.log_mel(clip.fname).min(), store.log_mel(clip.fname).max()
        assert line == f"{clip.fname} {list(clip.labels)} ({clip.samples},) ({clip.frames}, 80) {low:.1f} {high:.1f}"


def test_reading_a_store_loads_neither_tensorflow_nor_librosa(stores):
    code = (
        "import sys; from fat2019.store.reader import FeatureStore; store = FeatureStore.open(sys.argv[1]); "
        "store.read_log_mels(); assert not {'tensorflow', 'librosa', 'pandas', 'numba'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(stores["hdf5",].path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
