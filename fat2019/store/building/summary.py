"""What a build found and did."""

import dataclasses
import math
import time

from fat2019.store.manifest import (
    Manifest,
)


@dataclasses.dataclass(frozen=True)
class BuildSummary:
    """What a build found and did. All but the shards concerns the whole store."""

    clips: int
    quarantined: tuple[tuple[str, str], ...]  # (fname, reason)
    notes: tuple[tuple[str, str], ...]  # (fname, what was done to its sound when it was read)
    shards_built: int
    shards_reused: int
    shards_removed: int  # files of shards that have no clips, or no usable ones, any more
    audio_seconds_before: float
    audio_seconds_after: float
    seconds: float
    up_to_date: bool
    started_over: bool  # the manifest was damaged, so that nothing could be kept


def summarise(
    store: Manifest, began: float, *, built: int, reused: int, removed: int, started_over: bool = False
) -> BuildSummary:
    tables = [record.clips for record in store.shards]
    return BuildSummary(
        clips=sum(len(table.fname) for table in tables),
        quarantined=tuple(
            pair
            for record in store.shards
            for pair in zip(record.quarantine.fname, record.quarantine.reason, strict=True)
        ),
        notes=tuple(
            (fname, note)
            for table in tables
            for fname, note in zip(table.fname, table.notes or (), strict=False)
            if note
        ),
        shards_built=built,
        shards_reused=reused,
        shards_removed=removed,
        audio_seconds_before=math.fsum(
            samples / rate_hz
            for table in tables
            for samples, rate_hz in zip(table.source_samples, table.source_rate_hz, strict=True)
        ),
        audio_seconds_after=sum(sum(table.samples) for table in tables) / store.header.config.sample_rate_hz,
        seconds=time.monotonic() - began,
        up_to_date=not built and not removed,
        started_over=started_over,
    )
