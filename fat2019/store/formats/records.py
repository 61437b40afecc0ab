"""TFRecord files of ``tf.train.Example`` messages, written and read without TensorFlow.

Workers that build features must stay light, and importing TensorFlow costs seconds and hundreds of
megabytes each. The format is small: each record is its length (uint64), the masked CRC-32C of that length, the bytes,
and the masked CRC-32C of the bytes, all little-endian. A test reads every file back with TensorFlow's own reader.
"""

import functools
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import google_crc32c

from fat2019.errors import DataError
from fat2019.store.shards import REPAIR, read_errors

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


class BinaryWriter(Protocol):
    """What is written to."""

    def write(self, data: bytes, /) -> Any: ...


def write_records(file: BinaryWriter, records: Iterable[bytes]) -> None:
    """Append each record to an open binary file."""
    for record in records:
        length = _LENGTH.pack(len(record))
        file.write(length + _CRC.pack(_masked_crc(length)))
        file.write(record)
        file.write(_CRC.pack(_masked_crc(record)))


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file, each checked against both of its checksums.

    Raises:
        DataError: the file cannot be read, is truncated or a checksum does not hold. A wrong length is found by its own
            checksum and the file's size before anything of that length is read.
    """
    with read_errors(path), path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        while head := file.read(_LENGTH.size + _CRC.size):
            left -= len(head)
            if len(head) < _LENGTH.size + _CRC.size or _CRC.unpack(head[8:])[0] != _masked_crc(head[:8]):
                raise DataError(f"{path}: damaged: the length of a record does not match its checksum: {REPAIR}")
            (length,) = _LENGTH.unpack(head[:8])
            if length + _CRC.size > left:
                raise DataError(f"{path}: damaged: the last record is cut short: {REPAIR}")
            record = file.read(length)
            if _CRC.unpack(file.read(_CRC.size))[0] != _masked_crc(record):
                raise DataError(f"{path}: damaged: a record does not match its checksum: {REPAIR}")
            left -= length + _CRC.size
            yield record


def encode_example(features: Mapping[str, bytes | int | float]) -> bytes:
    """A serialised ``tf.train.Example`` with one value per feature: bytes, int64 or float."""
    example = _example_class()()
    for name, value in features.items():
        feature = example.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return example.SerializeToString(deterministic=True)  # maps have no order of their own


def decode_example(record: bytes) -> dict[str, bytes | int | float]:
    """The inverse of :func:`encode_example`.

    Raises:
        DataError: the bytes are no such message, or a feature does not hold exactly one value.
    """
    from google.protobuf.message import DecodeError

    try:
        example = _example_class().FromString(record)
    except DecodeError as error:
        raise DataError(f"its bytes are not a tf.train.Example: {error}") from error
    features: dict[str, bytes | int | float] = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        values: Sequence[Any] = getattr(feature, kind).value if kind else ()
        if len(values) != 1:
            raise DataError(f"feature {name!r} holds {len(values)} values instead of one")
        features[name] = values[0]
    return features


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@functools.cache
def _example_class() -> Any:
    """The message class, described here so that neither TensorFlow nor a protobuf compiler is needed.

    It lives in a pool of its own: TensorFlow registers the same names in the default one.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    proto = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    lists = (("BytesList", kinds.TYPE_BYTES), ("FloatList", kinds.TYPE_FLOAT), ("Int64List", kinds.TYPE_INT64))
    for name, kind in lists:
        proto.message_type.add(name=name).field.add(name="value", number=1, label=kinds.LABEL_REPEATED, type=kind)
    feature = proto.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes_list", "float_list", "int64_list"), start=1):
        feature.field.add(
            name=name,
            number=number,
            label=kinds.LABEL_OPTIONAL,
            type=kinds.TYPE_MESSAGE,
            type_name=f".tensorflow.{lists[number - 1][0]}",
            oneof_index=0,
        )
    features = proto.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
    entry.field.add(
        name="value", number=2, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_MESSAGE, type_name=".tensorflow.Feature"
    )
    features.field.add(
        name="feature",
        number=1,
        label=kinds.LABEL_REPEATED,
        type=kinds.TYPE_MESSAGE,
        type_name=".tensorflow.Features.FeatureEntry",
    )
    proto.message_type.add(name="Example").field.add(
        name="features", number=1, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_MESSAGE, type_name=".tensorflow.Features"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
