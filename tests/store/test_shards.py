"""The bytes of a shard: round trips through both formats, packing of log-mels, and files that are not to be trusted."""

import dataclasses

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.audio.clip import arrays_of
from fat2019.audio.quantise import dequantise, quantise
from fat2019.config.features import DTYPES, FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.formats import FORMATS, storage_format
from fat2019.store.formats.base import Run, Target
from fat2019.store.formats.hdf5 import CHECKSUMS, HDF5_SUFFIX, Hdf5Shard
from fat2019.store.formats.tfrecord import AUDIO_SUFFIX, LOG_MEL_SUFFIX
from fat2019.store.schema import ARRAYS, READ_VERSIONS, ClipFeatures, ShardHead, ShardShape, offsets
from fat2019.store.shards import REPAIR, content_key

VOCABULARY = Vocabulary(("Bark", "Gong", "Meow"))
NAME = "curated-00000-of-00001"
# Small frames, so that the shards of many examples are quickly made.
SMALL = FeatureConfig(n_fft=64, hop_samples=32, mel_bands=4, window_samples=256)


VERSION = {}


@pytest.fixture(scope="module", params=READ_VERSIONS, autouse=True)
def version(request):
    """Every test is of every version."""
    VERSION["written"] = request.param
    return request.param


def clip(fname="a.wav", samples=500, seed=0, config=SMALL, labels=(0, 2), usage="", kept_whole=False):
    audio = np.random.default_rng(seed).integers(-3000, 3000, samples).astype(np.int16)
    log_mel, decibel_range, energy = arrays_of(audio, config)
    return ClipFeatures(fname, labels, usage, audio, log_mel, decibel_range, energy, 44_100, 3 * samples, kept_whole)


def write(folder, clips, config=SMALL):
    """Both formats of a shard of these clips; its shape."""
    key = content_key(NAME, config, VOCABULARY, clips)
    head = ShardHead(NAME, "curated", key, config, VOCABULARY, VERSION["written"])
    shape = ShardShape.of(head, clips)
    for form in map(storage_format, FORMATS):
        for suffix in form.suffixes:
            form.write(folder / (shape.stem + suffix), suffix, head, clips)
    return shape


def read_hdf5_clips(folder, shape):
    return storage_format("hdf5").clips(folder, shape)


def read_tfrecord_clips(folder, shape):
    return storage_format("tfrecord").clips(folder, shape)


def assert_equal(one, other):
    for field in dataclasses.fields(ClipFeatures):
        a, b = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(a, b, err_msg=field.name)
        assert np.asarray(a).dtype == np.asarray(b).dtype, field.name


CLIPS = st.lists(
    st.builds(
        clip,
        fname=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text),
        samples=st.integers(1, 700),
        seed=st.integers(0, 99),
        usage=st.sampled_from(["", "Public", "Private"]),
        labels=st.sets(st.integers(0, 2)).map(lambda some: tuple(sorted(some))),
        kept_whole=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clips=CLIPS)
def test_clips_come_back_from_both_formats_as_they_were(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shard")
    shape = write(folder, clips)
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        for ours, read in zip(clips, reader(folder, shape), strict=True):
            assert_equal(ours, read)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_stored_type_comes_back(dtype, tmp_path):
    config = dataclasses.replace(SMALL, dtype=dtype)
    ours = clip(config=config)
    assert ours.log_mel.dtype == dtype
    shape = write(tmp_path, [ours], config)
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        assert_equal(ours, next(reader(tmp_path, shape)))


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60)
# Decibels of float32 differ by some 1e-6 if they differ: of a spread of 1e-44, 255 steps overflow.
@given(st.integers(0, 2**32 - 1), st.just(0.0) | st.floats(1e-3, 120), st.floats(-100, 40))
def test_quantising_moves_no_value_by_more_than_half_a_step(dtype, seed, spread, low):
    log_mel = (np.random.default_rng(seed).random((7, 4)) * spread + low).astype(np.float32)
    stored, decibel_range = quantise(log_mel, dataclasses.replace(SMALL, dtype=dtype))
    assert stored.dtype == dtype
    np.testing.assert_array_equal(decibel_range, [log_mel.min(), log_mel.max()])
    step = {"uint8": np.ptp(log_mel) / 255, "float16": np.spacing(np.float16(160)), "float32": 0}[dtype]
    assert np.abs(dequantise(stored, decibel_range) - log_mel).max() <= step / 2 + 1e-4


def test_the_range_of_a_clip_fills_the_whole_of_uint8():
    stored, _ = quantise(np.linspace(-90, 10, 28, dtype=np.float32).reshape(7, 4), SMALL)
    assert (stored.min(), stored.max()) == (0, 255)
    assert (np.diff(stored.ravel().astype(int)) > 0).all()


def test_a_clip_of_one_value_is_all_zeros_and_comes_back():
    constant = np.full((7, 4), -100, np.float32)
    stored, decibel_range = quantise(constant, SMALL)
    assert not stored.any()
    np.testing.assert_array_equal(dequantise(stored, decibel_range), constant)


def test_a_key_tells_labels_usage_names_and_audio_apart():
    variants = [
        [clip()],
        [clip(labels=(0,))],
        [clip(usage="Public")],
        [clip("b.wav")],
        [clip(seed=1)],
        [clip(), clip("b.wav")],
        [],
    ]
    assert len({content_key(NAME, SMALL, VOCABULARY, clips) for clips in variants}) == len(variants)
    assert content_key(NAME, SMALL, VOCABULARY, [clip()]) == content_key(NAME, SMALL, VOCABULARY, [clip()])


def test_the_same_clips_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, [clip(), clip("b.wav", seed=2)])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


# Files that are not to be trusted.


def hostile(tmp_path, change):
    """The message with which a changed file is refused."""
    shape = write(tmp_path, [clip()])
    path = tmp_path / (shape.stem + HDF5_SUFFIX)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(DataError) as caught:
        list(read_hdf5_clips(tmp_path, shape))
    return str(caught.value)


def replace(name, make):
    def change(file):
        del file[name]
        make(file)

    return change


@pytest.mark.parametrize(
    "link",
    [h5py.ExternalLink("secret.h5", "audio"), h5py.ExternalLink("/dev/zero", "x"), h5py.SoftLink("/log_mel")],
    ids=["file", "device", "soft"],
)
def test_links_are_not_followed(link, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["audio"] = np.zeros(500, np.int16)
    assert "a link" in hostile(tmp_path, replace("audio", lambda file: file.update(audio=link)))


def test_data_kept_in_other_files_is_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(b"s" * 1000)
    make = replace(
        "audio",
        lambda file: file.create_dataset("audio", (500,), "<i2", external=[(str(tmp_path / "secret"), 0, 1000)]),
    )
    assert "one piece" in hostile(tmp_path, make)


def test_virtual_compressed_chunked_and_compact_arrays_are_refused(tmp_path):
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    layout = h5py.VirtualLayout((500,), "<i2")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "audio", (500,))
    for number, make in enumerate(
        [
            lambda file: file.create_virtual_dataset("audio", layout),
            lambda file: file.create_dataset("audio", (500,), "<i2", compression="gzip"),
            lambda file: file.create_dataset("audio", (500,), "<i2", chunks=(100,)),
            lambda file: file.create_dataset("audio", (500,), "<i2", chunks=(500,)),
            lambda file: h5py.h5d.create(
                file.id, b"audio", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((500,)), compact
            ),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        assert "one piece" in hostile(tmp_path / str(number), replace("audio", make))


def test_huge_declared_shapes_take_no_memory(tmp_path):
    make = replace("audio", lambda file: file.create_dataset("audio", (2**50,), "<i2", chunks=(2**20,)))
    assert "no array" in hostile(tmp_path, make)


def test_arrays_of_other_types_or_shapes_are_refused(tmp_path):
    for number, (shape, dtype) in enumerate(
        [
            ((500,), ">i2"),
            ((500,), "<u2"),
            ((500,), "<f4"),
            ((499,), "<i2"),
            ((500, 1), "<i2"),
            ((), "<i2"),
            ((500,), h5py.string_dtype()),
            ((500,), h5py.vlen_dtype(np.int16)),
            ((500,), h5py.ref_dtype),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        make = replace("audio", lambda file, shape=shape, dtype=dtype: file.create_dataset("audio", shape, dtype))
        assert "no array" in hostile(tmp_path / str(number), make)


def test_an_array_without_any_place_is_refused(tmp_path):
    assert "one piece" in hostile(tmp_path, replace("audio", lambda file: file.create_dataset("audio", (500,), "<i2")))


def test_a_group_or_nothing_in_place_of_an_array_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "no array" in hostile(tmp_path / "a", replace("audio", lambda file: file.create_group("audio")))
    assert "missing" in hostile(tmp_path / "b", replace("audio", lambda file: None))


@pytest.mark.parametrize("key", ["short", np.bytes_(b"x" * 65), 5, np.zeros(2**10), h5py.Empty("S64")])
def test_keys_of_other_types_are_refused(key, tmp_path):
    assert "key" in hostile(tmp_path, lambda file: file.attrs.__setitem__("key", key))


def test_offsets_that_contradict_the_manifest_are_refused(tmp_path):
    assert "audio_offset" in hostile(tmp_path, lambda file: file["audio_offset"].__setitem__(1, 2**40))


def test_another_shard_in_the_place_of_this_one_is_noticed(tmp_path):
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", [clip(seed=5)])
    shape = write(tmp_path, [clip()])
    for suffix in (HDF5_SUFFIX, AUDIO_SUFFIX, LOG_MEL_SUFFIX):
        (tmp_path / "other" / (other.stem + suffix)).replace(tmp_path / (shape.stem + suffix))
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        with pytest.raises(DataError, match="changed while it was open"):
            list(reader(tmp_path, shape))


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path):
    shape = write(tmp_path, [clip()])
    for suffix in (HDF5_SUFFIX, AUDIO_SUFFIX):
        path = tmp_path / (shape.stem + suffix)
        path.rename(tmp_path / f"elsewhere{suffix}")
        path.symlink_to(tmp_path / f"elsewhere{suffix}")
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        with pytest.raises(DataError, match="cannot be read"):
            list(reader(tmp_path, shape))


def test_damage_to_hdf5s_own_structures_is_refused_or_harmless(tmp_path):
    ours = clip()
    shape = write(tmp_path, [ours])
    path = tmp_path / (shape.stem + HDF5_SUFFIX)
    good = path.read_bytes()
    refused = 0
    for position in range(0, 2_000, 7):
        damaged = bytearray(good)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            with Hdf5Shard(tmp_path, shape, ["audio", "labels"]) as shard:
                assert shard.read("audio").shape == ours.audio.shape
        except DataError:
            refused += 1
    assert refused > 10


def test_truncated_hdf5_files_are_refused(tmp_path):
    shape = write(tmp_path, [clip()])
    path = tmp_path / (shape.stem + HDF5_SUFFIX)
    good = path.read_bytes()
    for length in range(0, len(good), len(good) // 40):
        path.write_bytes(good[:length])
        with pytest.raises(DataError):
            list(read_hdf5_clips(tmp_path, shape))


def test_a_record_that_is_no_example_is_told_by_the_files_name(tmp_path):
    from fat2019.store.formats.records import write_records

    shape = write(tmp_path, [clip()])
    path = tmp_path / (shape.stem + LOG_MEL_SUFFIX)
    with path.open("wb") as file:
        write_records(file, [b"\xff"])
    with pytest.raises(DataError) as caught:
        list(read_tfrecord_clips(tmp_path, shape))
    message = str(caught.value)
    assert message.startswith(f"{path}: damaged: in record 0, its bytes are no tf.train.Example") and message.endswith(
        REPAIR
    )


def test_records_that_are_missing_added_or_swapped_are_noticed(tmp_path):
    from fat2019.store.formats.records import read_records, write_records

    shape = write(tmp_path, [clip(), clip("b.wav", seed=2)])
    path = tmp_path / (shape.stem + AUDIO_SUFFIX)
    first, second = read_records(path)
    for records in ([first], [second, first], [first, second, second], [first, b""], []):
        with path.open("wb") as file:
            write_records(file, records)
        with pytest.raises(DataError):
            list(read_tfrecord_clips(tmp_path, shape))


def test_a_byte_flipped_in_an_hdf5_array_is_refused_by_whoever_reads_that_clip(version, tmp_path):
    shape = write(tmp_path, [clip(), clip("b.wav", seed=2)])
    path = tmp_path / (shape.stem + HDF5_SUFFIX)
    with Hdf5Shard(tmp_path, shape, ARRAYS) as shard:
        places = {name: shard._places[name] for name in ARRAYS}
    good = path.read_bytes()
    for name, place in places.items():
        damaged = bytearray(good)
        damaged[place] ^= 1  # the first clip's
        path.write_bytes(damaged)
        if version == 1:  # which has no checksums, and must be read all the same
            read_row(tmp_path, shape, name, 0)
            continue
        with pytest.raises(DataError, match=f"damaged: {name} of a.wav does not match its checksum: .*--repair"):
            read_row(tmp_path, shape, name, 0)
        read_row(tmp_path, shape, name, 1)


def test_a_flipped_checksum_is_refused_too(version, tmp_path):
    if version == 1:
        return
    shape = write(tmp_path, [clip()])
    with h5py.File(tmp_path / (shape.stem + HDF5_SUFFIX), "r+") as file:
        file[CHECKSUMS][0, 0] ^= 1
    with pytest.raises(DataError, match="checksum"):
        list(read_hdf5_clips(tmp_path, shape))


def read_row(folder, shape, name, row):
    """What is stored of one clip in one array, as bytes."""
    offset = offsets([int(np.diff(shape.offset(name))[row])])
    target = Target(np.empty((int(offset[-1]), *shape.dimensions(name)[1:]), ARRAYS[name].dtype(shape)), offset)
    storage_format("hdf5").read(folder, shape, [Run(row, 0, 1)], {name: target})
    return target.array.tobytes()
