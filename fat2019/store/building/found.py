"""What is in the folder that a store is to be built in: a finished store, an interrupted build, or both."""

import contextlib
import dataclasses
import logging
from pathlib import Path

from fat2019.errors import DataError, OtherVersion
from fat2019.store.building.journal import (
    read_journal,
)
from fat2019.store.building.sources import Sources
from fat2019.store.manifest import (
    MANIFEST_NAME,
    Header,
    ShardRecord,
    read_manifest,
)
from fat2019.store.schema import FORMAT_VERSION

_LOG = logging.getLogger("fat2019")


@dataclasses.dataclass(frozen=True)
class Found:
    """What is in a store's folder: a finished store, the shards of a build that was interrupted, or both."""

    header: Header
    shards: tuple[ShardRecord, ...] = ()
    unpublished: tuple[ShardRecord, ...] = ()


def find_store(out: Path, wanted: Header, repair: bool) -> tuple[Found, bool]:
    """What is there, and whether that is nothing for damage."""
    try:
        if (out / MANIFEST_NAME).exists():
            manifest = read_manifest(out)
            return _with_journal(out, manifest.header, manifest.shards), False
        journal = read_journal(out)
    except OtherVersion:
        raise
    except DataError:
        # A manifest that cannot be trusted says nothing of its shards: all are rebuilt.
        if not repair:
            raise
        return Found(wanted), True
    return Found(journal[0], unpublished=journal[1]) if journal else Found(wanted), False


def _with_journal(out: Path, header: Header, shards: tuple[ShardRecord, ...]) -> Found:
    """A store, and what an update of it has made; of which nothing is wanted that does not fit."""
    with contextlib.suppress(DataError):
        updated, unpublished = read_journal(out) or (header, ())
        counts = {**updated.shard_counts, **header.shard_counts}
        if updated == dataclasses.replace(header, shard_counts=counts):
            return Found(updated, shards, unpublished)
    return Found(header, shards)


def of_this_version(out: Path, old: Found, sources: Sources) -> Found:
    """The same store in today's format, of which only an interrupted update can have shards.

    Before version 2 shards take the place of older ones, so that an update would take the store from its readers.
    """
    if kept := sorted(set(old.header.shard_counts) - set(sources)):
        raise DataError(
            f"{out}: a store of format {old.header.format_version}, which an update rewrites in format "
            f"{FORMAT_VERSION}, and the data set given has no {' and no '.join(kept)} clips: build with the whole data "
            "set, or into another folder"
        )
    _LOG.info(
        "%s: rewriting in format %d; readers keep the store of format %d until then",
        *(out, FORMAT_VERSION, old.header.format_version),
    )
    return _with_journal(out, dataclasses.replace(old.header, format_version=FORMAT_VERSION), old.shards)
