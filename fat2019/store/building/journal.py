"""The journal of an unfinished store: which of its shards are done, so that a stopped build can go on.

A header line, then a line for every committed shard, each with its own checksum and made durable before the
next shard is committed. A last line that a crash cut short is as good as none.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c

from fat2019.errors import DataError, OtherVersion
from fat2019.store.manifest import (
    Header,
    ShardRecord,
    dumps,
    header_from_json,
    header_to_json,
    shard_from_json,
    shard_name_of,
    shard_to_json,
)
from fat2019.store.shards import open_regular, read_errors
from fat2019.utils.files import sync, sync_folder

JOURNAL_NAME = "build.journal"
TEMPORARY_PREFIX = ".tmp-"  # of files being written: never read, and removed by the next builder


def start_journal(folder: Path, header: Header, shards: Iterable[ShardRecord]) -> None:
    """Put a journal of these shards in place of the one that may be there, durably."""
    lines = [_line(header_to_json(header)), *(_line(shard_to_json(shard)) for shard in shards)]
    replace(folder / JOURNAL_NAME, b"".join(lines))


def append_to_journal(folder: Path, shard: ShardRecord) -> None:
    """Note, durably, that a shard is committed."""
    descriptor = os.open(folder / JOURNAL_NAME, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "ab") as file:
        file.write(_line(shard_to_json(shard)))
        file.flush()
        os.fsync(file.fileno())


def read_journal(folder: Path) -> tuple[Header, tuple[ShardRecord, ...]] | None:
    """The header and the committed shards; None if there is no journal, or not even its header is whole.

    Raises:
        OtherVersion: it is of another format version.
        DataError: it cannot be read, or is not what a builder writes.
    """
    path = folder / JOURNAL_NAME
    if not path.is_file():
        return None
    with open_regular(path) as file, read_errors(path):
        data = file.readall()
    try:
        return _from_bytes(data)
    except OtherVersion as error:
        raise OtherVersion(f"{path}: {error}") from error
    except DataError as error:
        raise DataError(f"{path}: damaged: {error}: `build-features --repair` rebuilds the store") from error


def _from_bytes(data: bytes) -> tuple[Header, tuple[ShardRecord, ...]] | None:
    lines = _whole_lines(data)
    first = next(lines, None)
    if first is None:
        return None
    header = header_from_json(first)
    names = {name: (split, name) for split, name in header.names()}
    shards = {}
    for line in lines:
        name = shard_name_of(line)
        if name in names:
            shards[name] = shard_from_json(line, header, *names[name])
    return header, tuple(shards.values())


def replace(path: Path, data: bytes) -> None:
    """Write a file so that at any moment, and after a loss of power, the old or the new one is there, whole."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}")
    with temporary.open("xb") as file:  # which follows no link
        file.write(data)
    sync(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def _line(value: Any) -> bytes:
    text = dumps(value).encode()
    return b"%08x %s\n" % (google_crc32c.value(text), text)


def _whole_lines(data: bytes) -> Iterator[bytes]:
    """The texts of the lines before the first that is not whole."""
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n") or line[:9] != b"%08x " % google_crc32c.value(line[9:-1]):
            return
        yield line[9:-1]
