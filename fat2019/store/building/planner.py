"""What is on disk and what is wanted -> which shards can stay, and which are to be made.

A shard stays if its files are there and it was made of exactly the clips that are there now, by names, labels,
sizes and times (``sources.py`` says when by content as well). Nothing is read but listings, unless a repair asks for
checksums; that also tries clips again that could not be used.
"""

import dataclasses
import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fat2019.config.features import SPLITS, differences
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.building.sources import Contents, Source, Sources, scan
from fat2019.store.building.worker import Task
from fat2019.store.formats import FORMATS, shard_files
from fat2019.store.manifest import MOST_SHARDS, Header, ShardRecord
from fat2019.store.shards import open_regular, sha256, shard_index, shard_name

_SOURCE_BYTES_A_SHARD = 128 << 20  # a worker holds the samples of a shard in memory
# What a byte on disk becomes as 16-bit samples.
_EXPANSION = {".flac": 2, **dict.fromkeys((".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".webm", ".wma"), 12)}
_SUFFIX = "|".join(map(re.escape, shard_files("", FORMATS)))
_SHARD_FILE = re.compile(rf"((?:{'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}})(?:-[0-9a-f]{{12}})?(?:{_SUFFIX})")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to get from the store that is there to the store that is wanted."""

    header: Header
    reused: Mapping[str, ShardRecord]  # by shard name
    tasks: tuple[Task, ...]
    removed: tuple[str, ...]  # names of files


def shard_counts(sources: Sources, clips_a_shard: int) -> dict[str, int]:
    """How many shards each split is to have: a power of two.

    Few enough that shards hold about ``clips_a_shard``, many enough that each fits in a worker's memory.
    """
    counts = {}
    for split, some in sources.items():
        decoded = sum(source.bytes * _EXPANSION.get(source.path.suffix.lower(), 1) for source in some)
        by_clips = round(math.log2(len(some) / clips_a_shard))
        by_bytes = math.ceil(math.log2(max(1, decoded) / _SOURCE_BYTES_A_SHARD))
        counts[split] = min(1 << max(0, by_clips, by_bytes), MOST_SHARDS)
    return counts


def make_plan(
    out: Path,
    wanted: Header,
    header: Header,
    shards: Iterable[ShardRecord],
    sources: Sources,
    contents: Contents,
    repair: bool,
) -> Plan:
    """Compare the store in ``out``, of this header and these shards, with what is wanted.

    Args:
        out: the store's folder.
        wanted: the header of the store wanted; shard counts hold only for splits that are new.
        header: that of the store that is there.
        shards: its finished shards; of one name there may be that of the store and that of an interrupted update.
        sources: the clips; splits of the store that are not among them stay as they are.
        contents: tells whether clips have changed that look as they did.
        repair: look at the shards' SHA-256, not only at their lengths, and keep none with clips in quarantine.

    Raises:
        DataError: the store has other settings, or a shard is lost whose split is not among the sources.
    """
    _require_same(out, header, wanted)
    counts = {**wanted.shard_counts, **header.shard_counts}
    header = dataclasses.replace(header, shard_counts={name: counts[name] for name in SPLITS if name in counts})
    known: dict[str, list[ShardRecord]] = {}
    for shard in shards:
        known.setdefault(shard.name, []).append(shard)
    lengths = {name: status.st_size for name, status in scan(str(out), follow_links=False).items()}
    grouped = _by_shard(sources, header)
    reused, tasks, build = {}, [], uuid.uuid4().hex
    for split, name in header.names():
        clips = grouped.get(name, []) if split in sources else None
        record = _sound(out, known.get(name, []), lengths, clips, contents, repair)
        if record:
            reused[name] = record
        elif split in sources:
            tasks.append(Task(name, split, tuple(clips or ()), header, out, build))
        else:
            _refuse(out, split)
    return Plan(header, reused, tuple(tasks), _left_over(out, lengths, header, reused, tasks))


def _require_same(out: Path, theirs: Header, ours: Header) -> None:
    found = differences(theirs.config, ours.config)
    if theirs.vocabulary != ours.vocabulary:
        found.append(f"vocabulary: {_difference(theirs.vocabulary, ours.vocabulary)}")
    if theirs.formats != ours.formats:
        found.append(f"formats: {' and '.join(theirs.formats)} against {' and '.join(ours.formats)}")
    if found:
        raise DataError(
            f"{out}: a store with other settings ({'; '.join(found)}): give the same ones, or another folder"
        )


def _difference(theirs: Vocabulary, ours: Vocabulary) -> str:
    """The lengths of two vocabularies, and the first place where they differ."""
    pairs = zip((*theirs.names, None), (*ours.names, None), strict=False)
    first = next(pair for pair in pairs if pair[0] != pair[1])
    return f"{len(theirs)} classes against {len(ours)}, {first[0]!r} against {first[1]!r}"


def _by_shard(sources: Sources, header: Header) -> dict[str, list[Source]]:
    groups: dict[str, list[Source]] = {}
    for split, some in sources.items():
        count = header.shard_counts[split]
        for source in sorted(some, key=lambda source: source.fname):
            groups.setdefault(shard_name(split, shard_index(source.fname, count), count), []).append(source)
    return groups


def _sound(
    out: Path,
    records: Iterable[ShardRecord],
    lengths: Mapping[str, int],
    clips: Sequence[Source] | None,
    contents: Contents,
    repair: bool,
) -> ShardRecord | None:
    """The first of a shard's records whose files are there and that was made of these clips; of none, of any."""
    for record in records:
        if _is_whole(out, record, lengths, repair) and (clips is None or _is_made_of(record, clips, contents, repair)):
            return record
    return None


def _is_whole(out: Path, record: ShardRecord, lengths: Mapping[str, int], repair: bool) -> bool:
    return all(
        lengths.get(file.name) == file.bytes and (not repair or _is_intact(out / file.name, file.sha256))
        for file in record.files
    )


def _is_intact(path: Path, expected: str) -> bool:
    try:
        with open_regular(path) as file:
            return sha256(file, path) == expected
    except DataError:  # what cannot be read is rebuilt as well
        return False


def _is_made_of(record: ShardRecord, sources: Sequence[Source], contents: Contents, repair: bool) -> bool:
    """Whether a shard was made of exactly these clips. Labels of a clip in quarantine do not matter."""
    clips, quarantine = record.clips, record.quarantine
    if repair and quarantine.fname:  # which may have been the machine's fault
        return False
    bad = set(zip(quarantine.fname, quarantine.source_bytes, quarantine.source_mtime_ns, strict=True))
    good = [source for source in sources if (source.fname, source.bytes, source.mtime_ns) not in bad]
    columns = (
        clips.fname,
        clips.labels,
        clips.usage,
        clips.source_bytes,
        clips.source_mtime_ns,
        *(optional or ("",) * len(clips.fname) for optional in (clips.fold, clips.group)),
    )
    if len(good) + len(bad) != len(sources) or list(zip(*columns, strict=True)) != [
        (source.fname, source.labels, source.usage, source.bytes, source.mtime_ns, source.fold, source.group)
        for source in good
    ]:
        return False
    hashes = clips.source_sha256
    return hashes is None or all(map(contents.is_the_same, good, hashes))


def left_over(out: Path, records: Iterable[ShardRecord]) -> dict[str, str]:
    """The shard files in a store's folder that are none of these records', each with the name of its shard."""
    stay = {file.name for record in records for file in record.files}
    found = {name: _SHARD_FILE.fullmatch(name) for name in scan(str(out), follow_links=False)}
    return {name: match[1] for name, match in found.items() if match and name not in stay}


def _left_over(
    out: Path, lengths: Iterable[str], header: Header, reused: Mapping[str, ShardRecord], tasks: Iterable[Task]
) -> tuple[str, ...]:
    """Shard files that the wanted store does not have, such as that of a shard whose clips are all gone."""
    stay = {file.name for record in reused.values() for file in record.files}
    if header.format_version == 1:
        stay |= {name for task in tasks if task.sources for name in shard_files(task.name, FORMATS)}
    left_over = sorted(name for name in set(lengths) - stay if _SHARD_FILE.fullmatch(name))
    for name in left_over:
        if name.split("-")[0] not in header.shard_counts:
            _refuse(out, name.split("-")[0])
    return tuple(left_over)


def _refuse(out: Path, split: str) -> None:
    raise DataError(
        f"{out}: {split} shards are damaged or their record is lost, and the data set given has no "
        f"{split} clips: build with the whole data set"
    )
