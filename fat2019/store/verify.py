"""A store -> the list of what is wrong with it.

Whatever has become of the files in the folder, the answer is a list: damage never raises. The plain check compares
every byte with the manifest by length and SHA-256. The deep one also decodes every clip and computes its features anew.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.clip import arrays_of
from fat2019.audio.quantise import dequantise
from fat2019.errors import DataError
from fat2019.store import embeddings
from fat2019.store.building.journal import JOURNAL_NAME, TEMPORARY_PREFIX
from fat2019.store.building.planner import left_over
from fat2019.store.building.sources import STAMPS_NAME
from fat2019.store.formats import storage_format
from fat2019.store.manifest import MANIFEST_NAME, Header, Manifest, ShardRecord, read_manifest
from fat2019.store.reader import edition, require_finished
from fat2019.store.schema import ClipFeatures
from fat2019.store.shards import FileRecord, content_key, open_regular, sha256
from fat2019.utils.lock import LOCK_NAMES

# Other processors and library versions round sums of a spectrum otherwise; near the floor decibels magnify that.
_TOLERANCE_DB = 0.1


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something wrong: with a clip, with a shard, or with the store as a whole."""

    shard: str | None
    clip: str | None
    message: str


def verify(store: Path | str, deep: bool = False) -> list[Problem]:
    """Check a store.

    Args:
        store: its folder.
        deep: also decode every clip, compare it with the manifest, with the features that follow from its audio,
            and between formats.

    Returns:
        What is wrong, in the order of the store; nothing if it is sound.

    Raises:
        DataError: there is no such folder, or nothing of a store in it: nothing that could be damaged.
    """
    folder = Path(store)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder: expected a feature store")
    if not any((folder / name).exists() for name in (MANIFEST_NAME, JOURNAL_NAME)) and not any(folder.glob("*-of-*")):
        require_finished(folder)
    before = edition(folder)
    problems = list(_check(folder, deep))
    if edition(folder) != before:  # shards of another manifest, which are no damage
        return [Problem(None, None, f"{folder}: rebuilt while it was checked: verify it again")]
    return problems


def _check(folder: Path, deep: bool) -> Iterator[Problem]:
    try:
        require_finished(folder)
        manifest = read_manifest(folder)
    except DataError as error:
        yield Problem(None, None, str(error))
        return
    yield from _unknown_files(folder, manifest)
    for shard in manifest.shards:
        yield from _check_files(folder, shard)
        if deep and shard.clips.fname:
            yield from _check_contents(folder, shard, manifest.header)
    yield from (Problem(shard, None, message) for shard, message in embeddings.problems(folder, manifest))


def _unknown_files(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    known = {file.name for shard in manifest.shards for file in shard.files}
    known |= {MANIFEST_NAME, JOURNAL_NAME, *LOCK_NAMES, STAMPS_NAME}
    if (folder / JOURNAL_NAME).exists():  # the shards of an update that is not finished
        known |= left_over(folder, manifest.shards).keys()
    for name in sorted(path.name for path in folder.iterdir()):
        if name not in known and not name.startswith((TEMPORARY_PREFIX, embeddings.PREFIX)):
            yield Problem(None, None, f"{folder / name}: not part of the store")


def _check_files(folder: Path, shard: ShardRecord) -> Iterator[Problem]:
    for file in shard.files:
        reason = _damage(folder / file.name, file)
        if reason:
            yield Problem(shard.name, None, reason)


def _damage(path: Path, expected: FileRecord) -> str | None:
    try:
        with open_regular(path) as file:
            length = os.fstat(file.fileno()).st_size
            if length != expected.bytes:
                return f"{path}: {length} bytes instead of {expected.bytes}"
            if sha256(file, path) != expected.sha256:
                return f"{path}: its SHA-256 is not that of the manifest"
    except DataError as error:
        return str(error)
    return None


def _check_contents(folder: Path, shard: ShardRecord, header: Header) -> Iterator[Problem]:
    shape = shard.shape(header)
    readings = {name: _read(storage_format(name).clips(folder, shape)) for name in header.formats}
    for name, (clips, error) in readings.items():
        yield from _check_clips(clips, shard, header)
        if error:
            # Clips are read in order, so that the first one missing is the one that could not be.
            clip = shard.clips.fname[len(clips)] if 0 < len(clips) < len(shard.clips.fname) else None
            yield Problem(shard.name, clip, error)
        elif content_key(shard.name, header.config, header.vocabulary, clips) != shard.key:
            yield Problem(shard.name, None, f"the key does not follow from the clips in {name}")
    for (first, (clips, _)), (second, (others, _)) in itertools.pairwise(readings.items()):
        for one, other in zip(clips, others, strict=False):
            yield from (
                Problem(shard.name, one.fname, f"{field} differs between {first} and {second}")
                for field in _differing(one, other)
            )


def _read(reading: Iterator[ClipFeatures]) -> tuple[list[ClipFeatures], str | None]:
    """The clips up to the first that cannot be read, and why it cannot."""
    clips: list[ClipFeatures] = []
    try:
        for clip in reading:
            clips.append(clip)
    except DataError as error:
        return clips, str(error)
    return clips, None


def _check_clips(clips: list[ClipFeatures], shard: ShardRecord, header: Header) -> Iterator[Problem]:
    table = shard.clips
    for row, clip in enumerate(clips):
        expected = (
            table.fname[row],
            table.labels[row],
            table.usage[row],
            table.source_rate_hz[row],
            table.source_samples[row],
            bool(table.kept_whole[row]),
        )
        found = (clip.fname, clip.labels, clip.usage, clip.source_rate_hz, clip.source_samples, clip.kept_whole)
        if found != expected:
            yield Problem(shard.name, table.fname[row], f"{found} instead of the manifest's {expected}")
        reason = _check_arrays(clip, header)
        if reason:
            yield Problem(shard.name, table.fname[row], reason)


def _check_arrays(clip: ClipFeatures, header: Header) -> str | None:
    if clip.energy[0] != 0 or (np.diff(clip.energy) < 0).any():
        return "its energy does not rise from 0"
    if not np.isfinite(clip.decibel_range).all() or not np.isfinite(clip.log_mel).all():
        return "its log-mel is not finite"
    stored, decibel_range, energy = arrays_of(clip.audio, header.config)
    if not np.array_equal(energy, clip.energy):
        return "its energy is not that of its audio"
    tolerance = _TOLERANCE_DB / header.config.decibels_per_unit
    if np.abs(clip.decibel_range - decibel_range).max() > tolerance:
        return "its decibel range is not that of its audio"
    apart = np.abs(dequantise(clip.log_mel, clip.decibel_range) - dequantise(stored, decibel_range)).max()
    if apart > tolerance + _step(clip.log_mel, decibel_range):
        return f"its log-mel is not that of its audio: {apart * header.config.decibels_per_unit:.2f} dB apart"
    return None


def _step(stored: NDArray[np.generic], decibel_range: NDArray[np.float32]) -> float:
    """What one step of the stored type is in the log-mel's unit."""
    if stored.dtype == np.uint8:
        return float(np.ptp(decibel_range)) / 255
    return float(np.spacing(np.abs(decibel_range).max().astype(stored.dtype)))


def _differing(one: ClipFeatures, other: ClipFeatures) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(ClipFeatures)
        if not np.array_equal(getattr(one, field.name), getattr(other, field.name))
    ]
