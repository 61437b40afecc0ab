"""TFRecord files and tf.train.Example messages, against TensorFlow's own reader and writer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.errors import DataError
from fat2019.store.formats.records import decode_example, encode_example, read_records, write_records
from fat2019.store.shards import REPAIR

RECORDS = [b"", b"one", bytes(range(256)) * 40]
EXAMPLE = {"name": b"a.wav", "row": -3, "level": 0.5, "none": b""}

FEATURES = st.dictionaries(
    st.text(max_size=8),
    st.binary(max_size=64) | st.integers(-(2**63), 2**63 - 1) | st.floats(width=32, allow_nan=False),
    max_size=5,
)


def write(path, records):
    with path.open("wb") as file:
        write_records(file, records)
    return path


@pytest.mark.slow
def test_tensorflow_reads_what_is_written(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = write(tmp_path / "x.tfrecord", [*RECORDS, encode_example(EXAMPLE)])
    read = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    assert read[:-1] == RECORDS
    features = tf.train.Example.FromString(read[-1]).features.feature
    assert features["name"].bytes_list.value[:] == [b"a.wav"]
    assert features["row"].int64_list.value[:] == [-3]
    assert features["level"].float_list.value[:] == [0.5]


@pytest.mark.slow
def test_what_tensorflow_writes_is_read(tmp_path):
    tf = pytest.importorskip("tensorflow")
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[7]))
    example = tf.train.Example(features=tf.train.Features(feature={"row": feature}))
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        writer.write(b"first")
        writer.write(example.SerializeToString())
    first, second = read_records(tmp_path / "x.tfrecord")
    assert first == b"first"
    assert decode_example(second) == {"row": 7}


def test_a_file_without_records_has_none(tmp_path):
    assert list(read_records(write(tmp_path / "x", []))) == []


@given(FEATURES)
def test_an_example_comes_back_as_it_was(features):
    decoded = decode_example(encode_example(features))
    assert decoded == features
    assert {name: type(value) for name, value in decoded.items()} == {
        name: type(value) for name, value in features.items()
    }


def test_the_order_of_the_features_does_not_change_the_bytes():
    assert encode_example(EXAMPLE) == encode_example(dict(reversed(EXAMPLE.items())))


def test_every_flipped_byte_is_found(tmp_path):
    path = write(tmp_path / "x", [b"some record", b"another one"])
    good = path.read_bytes()
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DataError):
            list(read_records(path))


def test_every_truncation_within_a_record_is_found(tmp_path):
    path = write(tmp_path / "x", [b"some record", b"another one"])
    good = path.read_bytes()
    for length in set(range(1, len(good))) - {len(good) // 2}:  # half of it is one whole record
        path.write_bytes(good[:length])
        with pytest.raises(DataError):
            list(read_records(path))


def test_records_that_the_disk_cannot_read_are_told_by_the_files_name():
    memory = Path("/proc/self/mem")  # from address 0 on it cannot be read, as a broken disk cannot
    with pytest.raises(DataError) as caught:
        list(read_records(memory))
    assert str(caught.value) == f"{memory}: cannot be read: Input/output error: {REPAIR}"


def test_damage_comes_with_what_mends_it(tmp_path):
    path = write(tmp_path / "x", [b"some record"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError) as caught:
        list(read_records(path))
    assert str(caught.value) == f"{path}: damaged: the last record is cut short: {REPAIR}"


def test_a_length_beyond_the_file_is_found_before_it_takes_memory(tmp_path):
    forged = tmp_path / "x"
    length = b"\xff" * 7 + b"\x0f"  # 2**60 bytes, with a checksum that holds
    from fat2019.store.formats.records import _CRC, _masked_crc

    forged.write_bytes(length + _CRC.pack(_masked_crc(length)) + b"short")
    with pytest.raises(DataError, match="cut short"):
        list(read_records(forged))


@given(st.binary(max_size=64))
def test_bytes_that_are_no_example_are_refused_or_read_but_nothing_else(data):
    try:
        decode_example(data)
    except DataError as error:
        assert "\n" not in str(error)


def test_a_feature_of_several_values_is_refused():
    from fat2019.store.formats.records import _example_class

    example = _example_class()()
    example.features.feature["row"].int64_list.value.extend([1, 2])
    with pytest.raises(DataError, match="'row' holds 2 values"):
        decode_example(example.SerializeToString())
