"""A feature store in figures: what it holds, and how its labels would be divided."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from fat2019.data.split import balance, split_indices
from fat2019.errors import DataError
from fat2019.store.copies import copy_of, describe_copies
from fat2019.store.reader import FeatureStore
from fat2019.utils.printable import counted


def describe(store: FeatureStore) -> tuple[dict[str, Any], list[str]]:
    """The store's contents, as a JSON object and as lines to read."""
    clips, config, copies = store.clips, store.config, copy_of(store)
    splits = {}
    for split, group in clips.groupby("split", observed=True, sort=False):
        splits[str(split)] = {
            "clips": len(group),
            "hours": round(float((group["source_samples"] / group["source_rate_hz"]).sum()) / 3600, 4),
            "hours_without_silence": round(float(group["samples"].sum()) / config.sample_rate_hz / 3600, 4),
            "windows": int((group["frames"] // config.window_frames).sum()),
            "kept_whole": int(group["kept_whole"].sum()),
            "labels_per_clip": round(float(store.labels[group.index].sum(axis=1).mean()), 3),
        }
    size = sum(file.bytes for shard in store.manifest.shards for file in shard.files)
    result = {
        "store": str(store.path),
        "format_version": store.manifest.header.format_version,
        "formats": list(store.manifest.header.formats),
        "shards": len(store.manifest.shards),
        "bytes": size,
        "classes": len(store.vocabulary),
        "clips": len(clips),
        "splits": splits,
        "dtype": config.dtype,
        "mel_bands": config.mel_bands,
        "sample_rate_hz": config.sample_rate_hz,
        "window_frames": config.window_frames,
        "config_digest": config.digest(),
        "notes": [{"fname": fname, "note": note} for fname, note in store.notes],
        "quarantined": store.quarantine.to_dict("records"),
        "copies": int((copies != np.arange(len(clips))).sum()),
    }
    lines = [
        f"{store.path}: {len(clips):,} clips, {len(store.vocabulary)} classes, {len(store.manifest.shards)} shards "
        f"({' and '.join(store.manifest.header.formats)}), {size / 1e9:.3f} GB",
        f"log-mels of {config.mel_bands} bands as {config.dtype}, {config.sample_rate_hz} Hz, a window is "
        f"{config.window_frames} frames; configuration {config.digest()[:12]}",
    ]
    if store.manifest.header.format_version == 1 and "hdf5" in store.manifest.header.formats:
        lines.append(
            "store format 1: what is read of HDF5 files is not checked; the next update or repair writes format 2, "
            "which has checksums"
        )
    for name, part in splits.items():
        lines.append(
            f"{name}: {part['clips']:,} clips, {part['hours']:.2f} h, without silence "
            f"{part['hours_without_silence']:.2f} h; {counted(int(part['kept_whole']), 'silent clip')} (kept untrimmed)"
        )
    lines += filter(None, [describe_copies(store, copies)])
    if store.notes:
        fname, note = store.notes[0]
        lines.append(f"changed when read: {counted(len(store.notes), 'clip')}, for instance {fname}: {note}")
    if len(store.quarantine):
        lines.append(f"left out: {counted(len(store.quarantine), 'clip')} without usable audio")
    return result, lines


def describe_balance(store: FeatureStore, validation_share: float) -> tuple[dict[str, Any], list[str]]:
    """Each class's share in validation, by the iterative and by the plain split (the report's figures 5.1 and 5.2)."""
    splits = store.clips["split"].to_numpy()
    split = next((name for name in ("curated", "noisy") if (splits == name).any()), None)
    if split is None:
        raise DataError(f"{store.path}: no clips to train on, and so no balance of their classes")
    clips = np.flatnonzero(splits == split)
    labels = store.labels[clips]
    tables = {}
    for method in ("iterative", "plain"):
        train, validation = split_indices(labels, method=method, validation_share=validation_share, seed=0)
        tables[method] = balance(labels, train, validation, names=store.vocabulary.names)
    lines = [f"{f'share of {split} clips in validation':<45} {'iterative':>10} {'plain':>10}"]
    shares = {method: table["validation_share"] for method, table in tables.items()}
    for name in store.vocabulary.names:
        lines.append(_row(name, [share[name] for share in shares.values()]))
    lines.append(_row("least", [share.min() for share in shares.values()]))
    lines.append(_row("greatest", [share.max() for share in shares.values()]))
    return {method: table.reset_index(names="class").to_dict("records") for method, table in tables.items()}, lines


def _row(name: str, shares: Iterable[float]) -> str:
    return f"{name:<45} " + " ".join(f"{share:>10.3f}" for share in shares)
