"""The manifest of a store: what it holds, as JSON text that nothing can change unnoticed.

``manifest.json`` is a header (format version, configuration, vocabulary, formats, shard counts), one line a
shard, and on its last line the SHA-256 of everything before that line. Shards carry their clips as columns.
Nothing in it is trusted when it is read: every type, range, name and sum is checked, so that later code may
rely on all of them. Types and ranges are msgspec's to check (see ``utils/values.py``), what hangs together is ours.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import os
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from fat2019.config.features import SPLITS, FeatureConfig, feature_config_from_json, to_json
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError, OtherVersion
from fat2019.store.formats import FORMATS, shard_files, storage_format
from fat2019.store.schema import FORMAT_VERSION, READ_VERSIONS, ShardShape
from fat2019.store.shards import REPAIR, FileRecord, Sha256, open_regular, read_errors, shard_index, shard_name
from fat2019.utils.values import require

_Kind = TypeVar("_Kind")

MANIFEST_NAME = "manifest.json"
MOST_SHARDS = 1 << 16  # of a split: 8 million clips
# What is read before it can be trusted is bounded, far above what there is to store.
_MOST_BYTES = 1 << 30  # 3 million clips, of some 350 bytes each
_MOST_CLASSES = 1 << 14  # AudioSet has 527, and the birds of the world are 11,000
_MOST_CONFIG = 1 << 31  # of any number in a configuration

_FileName = Annotated[str, Meta(min_length=1, max_length=255)]
_Text = Annotated[str, Meta(max_length=10_000)]
_Index = Annotated[int, Meta(ge=0, lt=_MOST_CLASSES)]
_Length = Annotated[int, Meta(ge=1, le=1 << 48)]
_Bytes = Annotated[int, Meta(ge=0, lt=1 << 62)]
_Rate = Annotated[int, Meta(ge=1, lt=1 << 31)]
_Flag = Annotated[int, Meta(ge=0, le=1)]
_Time = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class ClipTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The clips of a shard, ordered by name, as columns of equal length."""

    fname: tuple[_FileName, ...]
    labels: tuple[tuple[_Index, ...], ...]  # indices into the vocabulary, ascending
    usage: tuple[_Text, ...]
    samples: tuple[_Length, ...]  # stored, at the configuration's rate
    frames: tuple[_Length, ...]
    source_rate_hz: tuple[_Rate, ...]
    source_samples: tuple[_Length, ...]
    kept_whole: tuple[_Flag, ...]  # 1: all of it was silence by the rule
    source_bytes: tuple[_Bytes, ...]
    source_mtime_ns: tuple[_Time, ...]
    # None where no clip of the shard has one, and the manifest has no such column.
    fold: tuple[_Text, ...] | None = None
    group: tuple[_Text, ...] | None = None
    source_sha256: tuple[Sha256, ...] | None = None  # since version 2
    notes: tuple[_Text, ...] | None = None  # since version 2: what was done to the sound, such as scaling; mostly none


_SINCE_VERSION_2 = ("source_sha256", "notes")


class QuarantineTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The clips of a shard that cannot be used, ordered by name."""

    fname: tuple[_FileName, ...]
    reason: tuple[_Text, ...]
    source_bytes: tuple[_Bytes, ...]
    source_mtime_ns: tuple[_Time, ...]


@dataclasses.dataclass(frozen=True)
class ShardRecord:
    """One shard; it has files unless it has no clips."""

    name: str
    split: str
    key: str
    files: tuple[FileRecord, ...]
    clips: ClipTable
    quarantine: QuarantineTable

    def shape(self, header: "Header") -> ShardShape:
        """What its files must look like."""
        clips = self.clips
        return ShardShape(
            self.name,
            self.key,
            header.config,
            len(header.vocabulary),
            clips.fname,
            clips.usage,
            clips.samples,
            clips.frames,
            header.format_version,
        )


@dataclasses.dataclass(frozen=True)
class Header:
    """What all shards of a store have in common."""

    config: FeatureConfig
    vocabulary: Vocabulary
    formats: tuple[str, ...]  # some of FORMATS, in that order
    shard_counts: Mapping[str, int]  # a power of two for each split of the store
    format_version: int = FORMAT_VERSION

    def names(self) -> list[tuple[str, str]]:
        """(split, shard name) of every shard, in the order of the store."""
        counts = self.shard_counts
        return [
            (split, shard_name(split, index, counts[split]))
            for split in SPLITS
            if split in counts
            for index in range(counts[split])
        ]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A finished store."""

    header: Header
    shards: tuple[ShardRecord, ...]  # as Header.names orders them


class _ManifestText(msgspec.Struct, forbid_unknown_fields=True):
    """The whole, of which parts are read when those before them hold."""

    header: msgspec.Raw
    shards: msgspec.Raw
    sha256: Sha256


class _Version(msgspec.Struct):
    format_version: int


class _HeaderText(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    config: dict[str, Any]
    config_digest: str
    vocabulary: Annotated[tuple[_Text, ...], Meta(max_length=_MOST_CLASSES)]
    formats: tuple[str, ...]
    shard_counts: dict[str, Annotated[int, Meta(ge=1, le=MOST_SHARDS)]]


class _ShardText(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    split: str
    key: Sha256
    files: tuple[FileRecord, ...]
    clips: ClipTable
    quarantine: QuarantineTable


def to_bytes(manifest: Manifest) -> bytes:
    """The one text of a manifest."""
    shards = ",\n".join(dumps(shard_to_json(shard)) for shard in manifest.shards)
    text = f'{{"header":{dumps(header_to_json(manifest.header))},\n"shards":[\n{shards}\n],\n'
    return f'{text}"sha256":"{hashlib.sha256(text.encode()).hexdigest()}"}}\n'.encode()


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a store's folder.

    Raises:
        OtherVersion: it is of another format version.
        DataError: there is none, or it is damaged.
    """
    path = folder / MANIFEST_NAME
    with open_regular(path) as file, read_errors(path):
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            raise DataError(f"{path}: no manifest is larger than {_MOST_BYTES >> 20} MiB: was it made by fat2019?")
        data = file.readall()
    try:
        return from_bytes(data)
    except OtherVersion as error:
        raise OtherVersion(f"{path}: {error}") from error
    except DataError as error:
        raise DataError(f"{path}: damaged: {error}: {REPAIR}") from error


def from_bytes(data: bytes) -> Manifest:
    """The inverse of :func:`to_bytes`.

    Raises:
        OtherVersion, DataError: as :func:`read_manifest`.
    """
    text = _decode(data, _ManifestText)
    header = header_from_json(text.header)
    body = data[: data.rstrip(b"\n").rfind(b"\n") + 1]
    if data[len(body) :] != f'"sha256":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode():
        raise DataError("it does not match its own SHA-256")
    shards = _decode(text.shards, list[msgspec.Raw])
    names = header.names()
    if len(shards) != len(names):
        raise DataError(f"expected {len(names)} shards, received {len(shards)}")
    records = tuple(shard_from_json(value, header, *name) for value, name in zip(shards, names, strict=True))
    _require_distinct(records)
    return Manifest(header, records)


def dumps(value: Any) -> str:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def header_to_json(header: Header) -> dict[str, Any]:
    return {
        "format_version": header.format_version,
        "config": json.loads(to_json(header.config)),
        "config_digest": header.config.digest(),
        "vocabulary": list(header.vocabulary.names),
        "formats": list(header.formats),
        "shard_counts": dict(header.shard_counts),
    }


def header_from_json(text: bytes | msgspec.Raw) -> Header:
    """The header that :func:`header_to_json` gave.

    Raises:
        OtherVersion, DataError: as :func:`read_manifest`.
    """
    _require_version(_decode(text, _Version, "the header").format_version)
    fields = _decode(text, _HeaderText, "the header")
    config = _config(fields.config)
    if fields.config_digest != config.digest():
        raise DataError("the configuration does not match its digest")
    if not fields.formats or fields.formats != tuple(name for name in FORMATS if name in fields.formats):
        raise DataError(f"formats: expected some of {FORMATS}")
    return Header(
        config,
        Vocabulary(fields.vocabulary),
        fields.formats,
        _shard_counts(fields.shard_counts),
        fields.format_version,
    )


def shard_to_json(shard: ShardRecord) -> dict[str, Any]:
    clips = msgspec.structs.asdict(shard.clips)
    return {
        **vars(shard),
        "files": [msgspec.structs.asdict(file) for file in shard.files],
        "clips": {name: column for name, column in clips.items() if column is not None},
        "quarantine": msgspec.structs.asdict(shard.quarantine),
    }


def shard_from_json(text: bytes | msgspec.Raw, header: Header, split: str, name: str) -> ShardRecord:
    """The record of the shard of this name that :func:`shard_to_json` gave.

    Raises:
        DataError: it is not what a builder could have written.
    """
    try:
        fields = _decode(text, _ShardText)
        if fields.name != name or fields.split != split:
            raise DataError(f"expected the shard {name}")
        record = ShardRecord(name, split, fields.key, fields.files, fields.clips, fields.quarantine)
        _check_columns(record, header)
        _check_clips(record, header)
        _check_files(record, header)
    except DataError as error:
        raise DataError(f"shard {name}: {error}") from error
    return record


def shard_name_of(text: bytes | msgspec.Raw) -> str:
    """The name that a shard's text gives, or nothing."""
    try:
        return msgspec.json.decode(text, type=_Name).name
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


class _Name(msgspec.Struct):
    name: str


def _decode(text: bytes | msgspec.Raw, kind: type[_Kind], what: str = "") -> _Kind:
    """JSON text, which may be hostile, as a value of this kind."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise DataError(_said(error, what)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"no JSON text ({error})") from error


def _said(error: msgspec.ValidationError, what: str) -> str:
    """``Expected `int`, got `str` - at `$.clips.samples[...]``` -> ``clips.samples: expected int, got str``."""
    words, _, place = " ".join(str(error).split()).replace("`", "").partition(" - at $")
    where = re.sub(r"\[\.*\d*\]", "", place).strip(".") or what
    return f"{where}: {words[:1].lower()}{words[1:]}" if where else words[:1].lower() + words[1:]


def _require_version(version: int) -> None:
    if version not in READ_VERSIONS:
        raise OtherVersion(
            f"a store of format version {version}, and this program reads versions "
            f"{' and '.join(map(str, READ_VERSIONS))}: build it anew in another folder, or use the program that made it"
        )


def _config(fields: dict[str, Any]) -> FeatureConfig:
    """A configuration whose numbers are ones (config.py validates ranges, of what are numbers)."""
    _require_small(fields, "config")
    hints = typing.get_type_hints(FeatureConfig, include_extras=True)
    for name in fields.keys() & hints.keys():
        require(f"config: {name}", _without_null(fields[name]), hints[name])
    return feature_config_from_json(fields)


def _require_small(value: Any, name: str) -> None:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _require_small(item, f"{name}.{key}")
    elif isinstance(value, int | float) and not abs(value) < _MOST_CONFIG:
        raise DataError(f"{name}: expected a number below {_MOST_CONFIG}, received {value}")


def _without_null(value: Any) -> Any:
    """An unlimited length is null in JSON."""
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if isinstance(value, dict):
        return {name: math.inf if item is None and name == "up_to_s" else item for name, item in value.items()}
    return value


def _shard_counts(counts: dict[str, int]) -> dict[str, int]:
    if not counts or not set(counts) <= set(SPLITS):
        raise DataError(f"shard_counts: expected some of {SPLITS}")
    if any(count & (count - 1) for count in counts.values()):
        raise DataError(f"shard_counts: expected powers of two up to {MOST_SHARDS}")
    return {split: counts[split] for split in SPLITS if split in counts}


def is_file_name(name: str) -> bool:
    """Whether a text can be the name of a file on any system, without leading anywhere else."""
    return name not in ("", ".", "..") and len(name) <= 255 and not any(mark in name for mark in "/\\\0")


def _require_file_names(names: Sequence[str], what: str) -> None:
    for name in names:
        if not is_file_name(name):
            raise DataError(f"{what}: expected the name of a file, received {name[:100]!r}")


def _require_ascending(values: Sequence[Any], what: str) -> None:
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise DataError(f"{what}: expected ascending order, each once")


def _check_columns(record: ShardRecord, header: Header) -> None:
    for name in _SINCE_VERSION_2:
        if (getattr(record.clips, name) is None) is (header.format_version >= 2):
            raise DataError(f"clips: {name} does not go with version {header.format_version}")
    for table in (record.clips, record.quarantine):
        columns = [column for column in msgspec.structs.astuple(table) if column is not None]
        if len({len(column) for column in columns}) != 1:
            raise DataError("columns: expected equal lengths")
        _require_file_names(table.fname, "fname")
        _require_ascending(table.fname, "fname")


def _check_clips(record: ShardRecord, header: Header) -> None:
    clips, config = record.clips, header.config
    for indices in clips.labels:
        _require_ascending(indices, "labels")
    if max(itertools.chain.from_iterable(clips.labels), default=0) >= len(header.vocabulary):
        raise DataError("labels: an index beyond the vocabulary")
    if any(
        frames != config.frames(max(samples, config.window_samples))
        for samples, frames in zip(clips.samples, clips.frames, strict=True)
    ):
        raise DataError("frames: they do not follow from samples")
    count = header.shard_counts[record.split]
    index = int(record.name.split("-")[1])
    if any(shard_index(fname, count) != index for fname in clips.fname + record.quarantine.fname):
        raise DataError("fname: a clip of another shard")


def _check_files(record: ShardRecord, header: Header) -> None:
    stem = record.shape(header).stem
    expected = shard_files(stem, header.formats) if record.clips.fname else ()
    if tuple(file.name for file in record.files) != expected:
        raise DataError(f"files: expected {', '.join(expected) or 'none'}")
    # Arrays are allocated from these lengths, so they must not promise more than the files can hold.
    held = [form.arrays(suffix) for form in map(storage_format, header.formats) for suffix in form.suffixes]
    for file, names in zip(record.files, held, strict=False):
        if file.bytes < record.shape(header).least_bytes(names):
            raise DataError(f"files: {file.name} is too short for its clips")


def _require_distinct(records: Iterable[ShardRecord]) -> None:
    names = [name for record in records for name in record.clips.fname + record.quarantine.fname]
    if len(set(names)) != len(names):
        raise DataError("a clip's name occurs twice")
