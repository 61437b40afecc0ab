"""The embeddings of a store's clips by a pretrained network, in a folder of their own beside its shards::

    embeddings-yamnet/manifest.json
    embeddings-yamnet/curated-00000-of-00004.npy    float16 (tiles, size), clip after clip

The manifest names the network, its weights and, for each shard, the key of the store's shard that it was made of: after
a build that changed a shard, its embeddings are known to be outdated. It is written anew after each shard, so that what
was interrupted resumes there.
"""

import dataclasses
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import google_crc32c
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from fat2019.errors import DataError
from fat2019.store.manifest import Manifest, ShardRecord, is_file_name
from fat2019.store.schema import offsets
from fat2019.store.shards import FileRecord, Sha256
from fat2019.utils.files import open_plain, write_whole

PREFIX = "embeddings-"
NAME = "manifest.json"
_VERSION = 1
_DTYPE = np.dtype("<f2")
_AGAIN = "`fat2019 embed` computes it again"


@dataclasses.dataclass(frozen=True)
class FlatEmbeddings:
    """The embeddings of a store's clips, one after another; indexed by a clip, its own ``(tiles, size)``."""

    embedding: NDArray[np.float16]  # (total tiles, size)
    tile_offset: NDArray[np.int64]  # (clips + 1,)

    def __len__(self) -> int:
        return len(self.tile_offset) - 1

    def __getitem__(self, clip: int) -> NDArray[np.float16]:
        clip = range(len(self))[clip]
        return self.embedding[self.tile_offset[clip] : self.tile_offset[clip + 1]]


class EmbeddedShard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The embeddings of one shard."""

    key: Sha256  # of the store's shard
    file: FileRecord
    tiles: tuple[Annotated[int, Meta(ge=1)], ...]  # of each clip
    crc32c: tuple[int, ...]  # of each clip's embeddings


class EmbeddingManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the embeddings of a store are of, and those that there are."""

    network: str
    weights_sha256: Sha256
    hop_frames: Annotated[int, Meta(ge=1)]
    embedding_size: Annotated[int, Meta(ge=1)]
    shards: Mapping[str, EmbeddedShard] = {}
    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION)] = _VERSION


class _File(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str  # of what follows, byte by byte
    embeddings: msgspec.Raw


def embeddings_folder(store: Path, network: str) -> Path:
    """Where the embeddings by a network are."""
    return store / f"{PREFIX}{network}"


def read_embedding_manifest(folder: Path) -> EmbeddingManifest:
    """The manifest of a folder of embeddings.

    Raises:
        DataError: it is missing, was changed, or is of another version.
    """
    path = folder / NAME
    try:
        outer = msgspec.json.decode(_bytes(path), type=_File)
        if hashlib.sha256(outer.embeddings).hexdigest() != outer.sha256:
            raise DataError(f"{path}: damaged or edited: {_AGAIN}")
        manifest = msgspec.json.decode(outer.embeddings, type=EmbeddingManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not the manifest of embeddings ({error}): {_AGAIN}") from error
    for shard, record in manifest.shards.items():
        if record.file.name != f"{shard}.npy" or not is_file_name(record.file.name):
            raise DataError(f"{path}: not the manifest of embeddings: {record.file.name!r} is not a file of {shard}")
    return manifest


def write_embedding_manifest(folder: Path, manifest: EmbeddingManifest) -> None:
    """Write it atomically."""
    body = msgspec.json.encode(manifest)
    outer = _File(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
    write_whole(folder / NAME, msgspec.json.encode(outer))


def add_shard(
    folder: Path, manifest: EmbeddingManifest, shard: ShardRecord, embeddings: Sequence[NDArray[Any]]
) -> EmbeddingManifest:
    """Write the embeddings of a shard, then the manifest with them.

    Args:
        folder: of the embeddings.
        manifest: what is there.
        shard: of the store.
        embeddings: ``(tiles, size)`` of each of its clips.

    Returns:
        The new manifest.
    """
    stored = [np.ascontiguousarray(one, _DTYPE) for one in embeddings]
    buffer = io.BytesIO()
    np.save(buffer, np.concatenate(stored), allow_pickle=False)
    data = buffer.getvalue()
    record = EmbeddedShard(
        shard.key,
        FileRecord(f"{shard.name}.npy", len(data), hashlib.sha256(data).hexdigest()),
        tuple(len(one) for one in stored),
        tuple(_crc32c(one) for one in stored),
    )
    write_whole(folder / record.file.name, data)
    manifest = msgspec.structs.replace(manifest, shards={**manifest.shards, shard.name: record})
    write_embedding_manifest(folder, manifest)
    return manifest


def what_is_wrong(folder: Path, manifest: EmbeddingManifest, shard: ShardRecord) -> str | None:
    """Why the embeddings of a shard are to be computed again; None if they are there, whole, and of its clips."""
    record = manifest.shards.get(shard.name)
    if record is None:
        return f"{folder}: {shard.name} is not embedded yet: run `fat2019 embed` again"
    if record.key != shard.key or len(record.tiles) != len(shard.clips.fname):
        return f"{folder}: {shard.name} was embedded before the store was changed: run `fat2019 embed` again"
    path = folder / record.file.name
    try:
        same = hashlib.sha256(_bytes(path)).hexdigest() == record.file.sha256
    except DataError as error:
        return str(error)
    return None if same else f"{path}: its SHA-256 is not that of the manifest: {_AGAIN}"


def read_embeddings(store: Path, manifest: Manifest, network: str) -> FlatEmbeddings:
    """The embeddings of all clips, in the store's order, each compared with its CRC32C.

    Args:
        store: its folder.
        manifest: of the store.
        network: their name.

    Raises:
        DataError: there are none, they are unfinished or outdated, or a file is damaged.
    """
    folder = embeddings_folder(store, network)
    if not folder.is_dir():
        raise DataError(f"{store}: no embeddings by {network}: make them with `fat2019 embed {store}`")
    there = read_embedding_manifest(folder)
    arrays = [np.zeros((0, there.embedding_size), _DTYPE)]
    tiles: list[int] = []
    for shard in with_clips(manifest):
        record = there.shards.get(shard.name)
        if record is None or record.key != shard.key or len(record.tiles) != len(shard.clips.fname):
            raise DataError(what_is_wrong(folder, there, shard))
        arrays.append(_read(folder / record.file.name, record, there.embedding_size, shard.clips.fname))
        tiles += record.tiles
    return FlatEmbeddings(np.concatenate(arrays), offsets(tiles))


def problems(store: Path, manifest: Manifest) -> Iterator[tuple[str | None, str]]:
    """What is wrong with any embeddings of a store: shard and message."""
    for folder in sorted(store.glob(f"{PREFIX}*")):
        try:
            there = read_embedding_manifest(folder)
        except DataError as error:
            yield None, str(error)
            continue
        for shard in with_clips(manifest):
            if reason := what_is_wrong(folder, there, shard):
                yield shard.name, reason
        known = {NAME, *(record.file.name for record in there.shards.values())}
        for name in sorted(path.name for path in folder.iterdir() if not path.name.startswith(".unfinished-")):
            if name not in known:
                yield None, f"{folder / name}: not part of the embeddings"


def with_clips(manifest: Manifest) -> list[ShardRecord]:
    """The shards that have clips, in the store's order."""
    return [shard for shard in manifest.shards if shard.clips.fname]


def _read(path: Path, record: EmbeddedShard, size: int, fnames: Sequence[str]) -> NDArray[np.float16]:
    """``(tiles, size)`` of a shard."""
    data = _bytes(path)
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: damaged ({error}): {_AGAIN}") from error
    bounds = offsets(record.tiles)
    if array.dtype != _DTYPE or array.shape != (bounds[-1], size):
        raise DataError(f"{path}: damaged: {array.dtype} {array.shape} instead of {(int(bounds[-1]), size)}: {_AGAIN}")
    for clip, (fname, expected) in enumerate(zip(fnames, record.crc32c, strict=True)):
        if _crc32c(array[bounds[clip] : bounds[clip + 1]]) != expected:
            raise DataError(f"{path}: damaged: the checksum of {fname} differs: {_AGAIN}")
    return array


def _bytes(path: Path) -> bytes:
    try:
        with open_plain(path) as file:
            return file.read()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}: {_AGAIN}") from error


def _crc32c(array: NDArray[Any]) -> int:
    return int(google_crc32c.value(array.tobytes()))
