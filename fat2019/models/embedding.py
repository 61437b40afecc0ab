"""A store and a pretrained network -> the embedding of every tile of every clip, written into the store once."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.feed.tiles import cut, tiles
from fat2019.models.networks import require_features
from fat2019.models.pretrained import PretrainedNetwork
from fat2019.store.embeddings import (
    EmbeddingManifest,
    add_shard,
    embeddings_folder,
    read_embedding_manifest,
    what_is_wrong,
    with_clips,
    write_embedding_manifest,
)
from fat2019.store.reader import FeatureStore
from fat2019.store.schema import offsets
from fat2019.utils.files import clear_unfinished, make_folder
from fat2019.utils.lock import build_lock

_TILES_AT_ONCE = 1024  # in memory as float32: some 25 MB


@dataclasses.dataclass(frozen=True)
class EmbeddingSummary:
    """What was done."""

    folder: Path
    clips: int
    tiles: int
    shards_embedded: int
    shards_kept: int
    seconds: float


def embed_store(
    store: FeatureStore, network: PretrainedNetwork, progress: Callable[[int, int], None] | None = None
) -> EmbeddingSummary:
    """Embed the clips of a store, shard by shard; those that are there already, and whole, are kept.

    Tiles are as long as the network's patches and as far apart as its makers have them; the last ends with the clip.

    Args:
        store: the features.
        network: of the same front end.
        progress: called with the number of clips done and their total.

    Raises:
        DataError: the store has other features, a shard is damaged, or another process writes into the store.
    """
    _require_patches(store, network)
    began = time.monotonic()
    folder, shards = embeddings_folder(store.path, network.name), with_clips(store.manifest)
    first = offsets([len(shard.clips.fname) for shard in shards])
    embedded = 0
    with build_lock(store.path):
        manifest = _begin(folder, network, {shard.name for shard in shards})
        for number, shard in enumerate(shards):
            if what_is_wrong(folder, manifest, shard):
                clips = np.arange(first[number], first[number + 1])
                manifest = add_shard(folder, manifest, shard, _embeddings(store, network, clips))
                embedded += 1
            if progress:
                progress(int(first[number + 1]), int(first[-1]))
        _remove_others(folder, manifest)
    count = sum(sum(manifest.shards[shard.name].tiles) for shard in shards)
    seconds = round(time.monotonic() - began, 2)
    return EmbeddingSummary(folder, int(first[-1]), count, embedded, len(shards) - embedded, seconds)


def _require_patches(store: FeatureStore, network: PretrainedNetwork) -> None:
    require_features(ModelConfig(network.name), store.config)
    if store.config.window_frames != network.features.window_frames:
        raise DataError(
            f"{store.path}: expected windows of {network.features.window_frames} frames, as {network.name} takes "
            f"them, received {store.config.window_frames}"
        )


def _begin(folder: Path, network: PretrainedNetwork, names: set[str]) -> EmbeddingManifest:
    """What there is of these shards by this network with these weights."""
    make_folder(folder)
    clear_unfinished(folder)
    empty = EmbeddingManifest(network.name, network.weights_sha256, network.hop_frames, network.embedding_size)
    try:
        there = read_embedding_manifest(folder)
        if msgspec.structs.replace(there, shards={}) == empty:
            kept = {name: record for name, record in there.shards.items() if name in names}
            empty = msgspec.structs.replace(empty, shards=kept)
    except DataError:  # of embeddings that were never begun, or are damaged: they are computed again
        pass
    write_embedding_manifest(folder, empty)
    return empty


def _remove_others(folder: Path, manifest: EmbeddingManifest) -> None:
    """Remove the files of shards that the store does not have any more."""
    for path in folder.glob("*.npy"):
        if path.name not in {record.file.name for record in manifest.shards.values()}:
            path.unlink()


def _embeddings(
    store: FeatureStore, network: PretrainedNetwork, clips: npt.NDArray[np.int64]
) -> list[npt.NDArray[np.float32]]:
    """``(tiles, size)`` of each clip."""
    flat = store.read_log_mels(clips)
    log_mels = np.split(flat.log_mel, flat.frame_offset[1:-1])
    clip_of_tile, starts = tiles(log_mels, store.config, network.hop_frames)
    groups = [slice(first, first + _TILES_AT_ONCE) for first in range(0, len(starts), _TILES_AT_ONCE)]
    parts = [network.embed(cut(log_mels, clip_of_tile[some], starts[some], store.config)[..., 0]) for some in groups]
    return np.split(np.concatenate(parts), np.cumsum(np.bincount(clip_of_tile))[:-1])
