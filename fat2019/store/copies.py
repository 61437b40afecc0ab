"""Clips of a store that hold the same samples under different names."""

import zlib
from collections import Counter
from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from fat2019.store.reader import FeatureStore


def copy_of(store: FeatureStore) -> npt.NDArray[np.int64]:
    """For each clip the index of the first clip with the same stored samples: its own if there is none.

    Audio is read only of clips whose source and stored lengths are those of another, which few are that are no copies.

    Returns:
        ``(clips,)``.

    Raises:
        DataError: a shard is damaged.
    """
    lengths = list(zip(*(store.clips[name] for name in ("samples", "source_samples", "source_rate_hz")), strict=True))
    often = Counter(lengths)
    first: dict[Hashable, int] = {}
    return np.array(
        [
            first.setdefault((length, _checksum(store, fname)) if often[length] > 1 else fname, clip)
            for clip, (fname, length) in enumerate(zip(store.clips["fname"], lengths, strict=True))
        ],
        np.int64,
    )


def describe_copies(store: FeatureStore, copies: npt.NDArray[np.int64]) -> str | None:
    """A line on how many clips are copies of others, within a split and across; None if there are none."""
    again = np.flatnonzero(copies != np.arange(len(copies)))
    if not len(again):
        return None
    splits, fnames = store.clips["split"].to_numpy(), store.clips["fname"].to_numpy()
    pairs = Counter(" and ".join(dict.fromkeys((splits[copies[clip]], splits[clip]))) for clip in again)
    count = "1 clip is a copy of another" if len(again) == 1 else f"{len(again)} clips are copies of others"
    return (
        f"{count} ({', '.join(f'{pair}: {clips}' for pair, clips in pairs.items())}), "
        f"such as {fnames[again[0]]} of {fnames[copies[again[0]]]}; copies stay on one side of a partition"
    )


def _checksum(store: FeatureStore, fname: str) -> int:
    return zlib.crc32(store.audio(fname).tobytes())
