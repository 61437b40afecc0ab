"""HDF5 shards from strangers, and damaged ones."""

import h5py
import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.store.formats import storage_format
from fat2019.store.formats.base import Run, Target
from fat2019.store.formats.hdf5 import CHECKSUMS, HDF5_SUFFIX, Hdf5Shard
from fat2019.store.formats.tfrecord import AUDIO_SUFFIX, LOG_MEL_SUFFIX
from fat2019.store.schema import ARRAYS, offsets
from tests.store.formats.shards import clip, read_hdf5_clips, read_tfrecord_clips, write

pytestmark = pytest.mark.usefixtures("version")


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
    assert "not an array" in hostile(tmp_path, make)


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
        assert "not an array" in hostile(tmp_path / str(number), make)


def test_an_array_without_any_place_is_refused(tmp_path):
    assert "one piece" in hostile(tmp_path, replace("audio", lambda file: file.create_dataset("audio", (500,), "<i2")))


def test_a_group_or_nothing_in_place_of_an_array_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "not an array" in hostile(tmp_path / "a", replace("audio", lambda file: file.create_group("audio")))
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
