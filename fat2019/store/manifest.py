"""The manifest of a store: what it holds, as JSON text that nothing can change unnoticed.

``manifest.json`` is a header (format version, configuration, vocabulary, formats, shard counts), one line a
shard, and on its last line the SHA-256 of everything before that line. Shards carry their clips as columns.
Nothing in it is trusted when it is read: every type, range, name and sum is checked, so that later code may
rely on all of them.
"""

import dataclasses
import hashlib
import itertools
import json
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fat2019.config.features import SPLITS, FeatureConfig, feature_config_from_json, to_json
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError, OtherVersion
from fat2019.store.formats import FORMATS, shard_files, storage_format
from fat2019.store.schema import ShardShape
from fat2019.store.shards import (
    FORMAT_VERSION,
    REPAIR,
    FileRecord,
    open_regular,
    read_errors,
    shard_index,
    shard_name,
)

MANIFEST_NAME = "manifest.json"
MOST_SHARDS = 1 << 16  # of a split: 8 million clips


@dataclasses.dataclass(frozen=True)
class ClipTable:
    """The clips of a shard, ordered by name, as columns of equal length."""

    fname: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]  # indices into the vocabulary, ascending
    usage: tuple[str, ...]
    samples: tuple[int, ...]  # stored, at the configuration's rate
    frames: tuple[int, ...]
    source_rate_hz: tuple[int, ...]
    source_samples: tuple[int, ...]
    kept_whole: tuple[int, ...]  # 1: all of it was silence by the rule
    source_bytes: tuple[int, ...]
    source_mtime_ns: tuple[int, ...]
    # None where no clip of the shard has one, and the manifest has no such column.
    fold: tuple[str, ...] | None = None
    group: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class QuarantineTable:
    """The clips of a shard that cannot be used, ordered by name."""

    fname: tuple[str, ...]
    reason: tuple[str, ...]
    source_bytes: tuple[int, ...]
    source_mtime_ns: tuple[int, ...]


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
        )


@dataclasses.dataclass(frozen=True)
class Header:
    """What all shards of a store have in common."""

    config: FeatureConfig
    vocabulary: Vocabulary
    formats: tuple[str, ...]  # some of FORMATS, in that order
    shard_counts: Mapping[str, int]  # a power of two for each split of the store

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
    fields = _members(loads(data), "the manifest", ("header", "shards", "sha256"))
    header = header_from_json(fields["header"])
    body = data[: data.rstrip(b"\n").rfind(b"\n") + 1]
    if data[len(body) :] != f'"sha256":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode():
        raise DataError("it does not match its own SHA-256")
    shards = _list(fields["shards"], "shards")
    names = header.names()
    if len(shards) != len(names):
        raise DataError(f"expected {len(names)} shards, received {len(shards)}")
    records = tuple(shard_from_json(value, header, *name) for value, name in zip(shards, names, strict=True))
    _require_distinct(records)
    return Manifest(header, records)


def dumps(value: Any) -> str:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def loads(data: bytes) -> Any:
    """JSON that may be hostile."""
    try:
        return json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # of ValueError are UnicodeDecodeError and JSONDecodeError
        raise DataError(f"no JSON text ({error})") from error


def header_to_json(header: Header) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "config": json.loads(to_json(header.config)),
        "config_digest": header.config.digest(),
        "vocabulary": list(header.vocabulary.names),
        "formats": list(header.formats),
        "shard_counts": dict(header.shard_counts),
    }


def header_from_json(value: Any) -> Header:
    """The header that :func:`header_to_json` gave.

    Raises:
        OtherVersion, DataError: as :func:`read_manifest`.
    """
    if isinstance(value, dict) and type(value.get("format_version")) is int:
        _require_version(value["format_version"])
    fields = _members(
        value, "the header", ("format_version", "config", "config_digest", "vocabulary", "formats", "shard_counts")
    )
    if fields["format_version"] != FORMAT_VERSION or type(fields["format_version"]) is not int:
        raise DataError(f"format_version: expected {FORMAT_VERSION}")
    config = _config(fields["config"])
    if fields["config_digest"] != config.digest():
        raise DataError("the configuration does not match its digest")
    names = _texts(_list(fields["vocabulary"], "vocabulary"), "vocabulary")
    formats = fields["formats"]
    if not formats or formats not in (list(FORMATS), *([name] for name in FORMATS)):
        raise DataError(f"formats: expected some of {FORMATS}")
    return Header(config, Vocabulary(names), tuple(formats), _shard_counts(fields["shard_counts"]))


def shard_to_json(shard: ShardRecord) -> dict[str, Any]:
    return {
        **vars(shard),
        "files": [vars(file) for file in shard.files],
        "clips": {name: column for name, column in vars(shard.clips).items() if column is not None},
        "quarantine": vars(shard.quarantine),
    }


def shard_from_json(value: Any, header: Header, split: str, name: str) -> ShardRecord:
    """The record of the shard of this name that :func:`shard_to_json` gave.

    Raises:
        DataError: it is not what a builder could have written.
    """
    fields = _members(value, "a shard", ("name", "split", "key", "files", "clips", "quarantine"))
    if fields["name"] != name or fields["split"] != split:
        raise DataError(f"expected the shard {name}")
    try:
        record = ShardRecord(
            name,
            split,
            _hash(fields["key"], "key"),
            _files(fields["files"]),
            ClipTable(**_columns(fields["clips"], _CLIP_COLUMNS, _OPTIONAL_CLIP_COLUMNS)),
            QuarantineTable(**_columns(fields["quarantine"], _QUARANTINE_COLUMNS)),
        )
        _check_clips(record, header)
        _check_files(record, header)
    except DataError as error:
        raise DataError(f"shard {name}: {error}") from error
    return record


def _require_version(version: int) -> None:
    if version != FORMAT_VERSION:
        raise OtherVersion(
            f"a store of format version {version}, and this program reads version "
            f"{FORMAT_VERSION}: build it anew in another folder, or use the program that made it"
        )


def _config(value: Any) -> FeatureConfig:
    """A configuration whose numbers are ones (config.py validates ranges, of what are numbers)."""
    plain = FeatureConfig()
    fields = _members(value, "config", tuple(vars(plain)))
    for name, default in vars(plain).items():
        if name != "silence":
            _require_like(fields[name], default, name)
    for rule in _list(fields["silence"], "silence"):
        for name, default in vars(plain.silence[0]).items():
            item = _members(rule, "silence", tuple(vars(plain.silence[0])))[name]
            if name == "splits":
                _texts(_list(item, name), name)
            elif not (name == "up_to_s" and item is None):
                _require_like(item, default, name)
    return feature_config_from_json(fields)


def _require_like(value: Any, default: Any, name: str) -> None:
    kinds = (int, float) if type(default) is float else (type(default),)
    if type(value) not in kinds or (type(value) in (int, float) and not abs(value) < 1 << 31):
        raise DataError(f"config: {name}: expected something like {default!r}")


def _shard_counts(value: Any) -> dict[str, int]:
    counts = _members(value, "shard_counts", None)
    if not counts or not set(counts) <= set(SPLITS):
        raise DataError(f"shard_counts: expected some of {SPLITS}")
    for count in counts.values():
        if type(count) is not int or not 1 <= count <= MOST_SHARDS or count & (count - 1):
            raise DataError(f"shard_counts: expected powers of two up to {MOST_SHARDS}")
    return {split: counts[split] for split in SPLITS if split in counts}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _members(value: Any, what: str, names: Iterable[str] | None) -> dict[str, Any]:
    if type(value) is not dict or (names is not None and set(value) != set(names)):
        raise DataError(f"{what}: expected a JSON object" + (f" of {', '.join(names)}" if names else ""))
    return value


def _list(value: Any, what: str) -> list[Any]:
    if type(value) is not list:
        raise DataError(f"{what}: expected a JSON list")
    return value


def _hash(value: Any, what: str) -> str:
    if type(value) is not str or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise DataError(f"{what}: expected the 64 hexadecimal digits of a SHA-256")
    return value


def _files(value: Any) -> tuple[FileRecord, ...]:
    records = []
    for item in _list(value, "files"):
        fields = _members(item, "a file", ("name", "bytes", "sha256"))
        _texts([fields["name"]], "name")
        _numbers([fields["bytes"]], "bytes")
        records.append(FileRecord(fields["name"], fields["bytes"], _hash(fields["sha256"], "sha256")))
    return tuple(records)


def _texts(values: Sequence[Any], what: str) -> tuple[str, ...]:
    """One-line texts that can be written in UTF-8."""
    if not all(type(value) is str for value in values):
        raise DataError(f"{what}: expected texts")
    joined = "".join(values)
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{what}: no text that has a UTF-8 form") from error
    return tuple(values)


def _fnames(values: Sequence[Any], what: str) -> tuple[str, ...]:
    """Names of files, never paths, in strictly ascending order."""
    names = _texts(values, what)
    for name in names:
        if not is_file_name(name):
            raise DataError(f"{what}: expected the name of a file, received {name[:100]!r}")
    if any(b <= a for a, b in itertools.pairwise(names)):
        raise DataError(f"{what}: expected names in ascending order, each once")
    return names


def is_file_name(name: str) -> bool:
    """Whether a text can be the name of a file on any system, without leading anywhere else."""
    return name not in ("", ".", "..") and len(name) <= 255 and not any(mark in name for mark in "/\\\0")


def _numbers(values: Sequence[Any], what: str, least: int = 0, most: int = (1 << 62) - 1) -> tuple[int, ...]:
    if not all(type(value) is int for value in values):
        raise DataError(f"{what}: expected whole numbers")
    if values and not (least <= min(values) and max(values) <= most):
        raise DataError(f"{what}: expected numbers from {least} to {most}")
    return tuple(values)


def _label_lists(values: Sequence[Any], what: str) -> tuple[tuple[int, ...], ...]:
    if not all(type(value) is list for value in values):
        raise DataError(f"{what}: expected lists")
    for indices in values:
        _numbers(indices, what)
        if any(b <= a for a, b in itertools.pairwise(indices)):
            raise DataError(f"{what}: expected indices in ascending order, each once")
    return tuple(map(tuple, values))


def _positive(values: Sequence[Any], what: str) -> tuple[int, ...]:
    return _numbers(values, what, 1, 1 << 48)


def _times(values: Sequence[Any], what: str) -> tuple[int, ...]:
    return _numbers(values, what, -(1 << 63), (1 << 63) - 1)


_Column = Callable[[Sequence[Any], str], tuple[Any, ...]]
_CLIP_COLUMNS: Mapping[str, _Column] = {
    "fname": _fnames,
    "labels": _label_lists,
    "usage": _texts,
    "samples": _positive,
    "frames": _positive,
    "source_rate_hz": lambda values, what: _numbers(values, what, 1, (1 << 31) - 1),
    "source_samples": _positive,
    "kept_whole": lambda values, what: _numbers(values, what, 0, 1),
    "source_bytes": _numbers,
    "source_mtime_ns": _times,
}
_OPTIONAL_CLIP_COLUMNS: Mapping[str, _Column] = {"fold": _texts, "group": _texts}
_QUARANTINE_COLUMNS: Mapping[str, _Column] = {
    "fname": _fnames,
    "reason": _texts,
    "source_bytes": _numbers,
    "source_mtime_ns": _times,
}


def _columns(
    value: Any, checks: Mapping[str, _Column], optional: Mapping[str, _Column] = types.MappingProxyType({})
) -> dict[str, tuple[Any, ...]]:
    checks = {**checks, **{name: check for name, check in optional.items() if type(value) is dict and name in value}}
    fields = _members(value, "columns", tuple(checks))
    columns = {name: check(_list(fields[name], name), name) for name, check in checks.items()}
    if len({len(column) for column in columns.values()}) != 1:
        raise DataError("columns: expected equal lengths")
    return columns


def _check_clips(record: ShardRecord, header: Header) -> None:
    clips, config = record.clips, header.config
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
    expected = shard_files(record.name, header.formats) if record.clips.fname else ()
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
