"""The clips of one shard -> its files, under temporary names: what a worker does.

Nothing here knows of other shards, and a worker that dies leaves nothing but temporary files.
"""

import contextlib
import dataclasses
import errno
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from fat2019.audio.clip import ClipAudio, arrays_of, load_clip
from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError, FailedRead, UnreadableAudio
from fat2019.store.building.journal import TEMPORARY_PREFIX
from fat2019.store.building.sources import Source, content_hash, link_status
from fat2019.store.formats import storage_format
from fat2019.store.manifest import ClipTable, Header, QuarantineTable, ShardRecord
from fat2019.store.schema import ClipFeatures, ShardHead
from fat2019.store.shards import FileRecord, content_key


@dataclasses.dataclass(frozen=True)
class Task:
    """A shard to be made."""

    name: str
    split: str
    sources: tuple[Source, ...]  # ordered by name
    header: Header
    out: Path
    build: str  # tells the equal tasks of two builds apart: a scheduler may remember results


@dataclasses.dataclass(frozen=True)
class _Made:
    """A clip that is to be stored."""

    source: Source
    clip: ClipFeatures
    sha256: str  # of its file
    notes: str  # what was done that a listener might not expect


def make_shard(task: Task) -> tuple[ShardRecord, tuple[str, ...]]:
    """Make a shard.

    Returns:
        Its record, and the temporary names of its files, which are durable, in the order of the record's.

    Raises:
        DataError: a clip changed since it was listed or cannot be read, or the disk is full.
    """
    good: list[_Made] = []
    bad: list[tuple[Source, str]] = []
    with disk_errors(task.out), one_thread():
        for source in task.sources:
            try:
                good.append(_features(source, task))
            except FailedRead as error:  # no quarantine: nothing would take the clip out of it again
                raise DataError(f"{error}: the same command resumes") from error
            except UnreadableAudio as error:
                bad.append((source, str(error)))
        features = [made.clip for made in good]
        key = content_key(task.name, task.header.config, task.header.vocabulary, features)
        files, temporary = _write(task, key, features) if features else ([], [])
    clips, quarantine = _clip_table(good, task.header.format_version), _quarantine_table(bad)
    record = ShardRecord(task.name, task.split, key, tuple(files), clips, quarantine)
    return record, tuple(temporary)


@contextlib.contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Report a full or read-only disk with its remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DataError(
                f"{out}: no room for the store ({error.strerror}): make room, then the same command resumes"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DataError(f"{out}: cannot be written: {error.strerror}") from error
        if isinstance(error, FileExistsError | NotADirectoryError):
            raise DataError(f"{error.filename or out}: a file is where a folder is to be made") from error
        raise DataError(f"{error.filename or out}: failed: {error.strerror or error}") from error


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Native libraries on one thread: as many cores as workers, and the same sums everywhere."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _features(source: Source, task: Task) -> _Made:
    config = task.header.config
    _require_unchanged(source)
    sha256 = content_hash(source.path)
    clip = load_clip(source.path, task.split, config)
    _require_unchanged(source)
    if not sha256:
        raise DataError(f"{source.path}: changed while the store was being built: run the same command again")
    return _Made(source, _clip_features(source, clip, config), sha256, "; ".join(clip.decoded.notes))


def _clip_features(source: Source, clip: ClipAudio, config: FeatureConfig) -> ClipFeatures:
    return ClipFeatures(
        source.fname,
        source.labels,
        source.usage,
        clip.audio,
        *arrays_of(clip.audio, config),
        clip.decoded.source_rate_hz,
        clip.decoded.source_samples,
        clip.kept_whole,
    )


def _require_unchanged(source: Source) -> None:
    try:
        now = link_status(source.path)
    except OSError as error:
        raise DataError(
            f"{source.path}: disappeared during the build: {error.strerror}: run the same command again"
        ) from error
    if (now.st_size, now.st_mtime_ns) != (source.bytes, source.mtime_ns):
        raise DataError(f"{source.path}: changed while the store was being built: run the same command again")


def _write(task: Task, key: str, clips: Sequence[ClipFeatures]) -> tuple[list[FileRecord], list[str]]:
    header = task.header
    head = ShardHead(task.name, task.split, key, header.config, header.vocabulary, header.format_version)
    files: list[FileRecord] = []
    temporary: list[str] = []
    try:
        for form in map(storage_format, task.header.formats):
            for suffix in form.suffixes:
                temporary.append(f"{TEMPORARY_PREFIX}{task.name}-{uuid.uuid4().hex}{suffix}")
                files.append(form.write(task.out / temporary[-1], suffix, head, clips))
    except BaseException:
        for name in temporary:
            (task.out / name).unlink(missing_ok=True)
        raise
    return files, temporary


def _clip_table(made: Sequence[_Made], format_version: int) -> ClipTable:
    sources, clips = [one.source for one in made], [one.clip for one in made]
    return ClipTable(
        fname=tuple(clip.fname for clip in clips),
        labels=tuple(clip.labels for clip in clips),
        usage=tuple(clip.usage for clip in clips),
        samples=tuple(len(clip.audio) for clip in clips),
        frames=tuple(len(clip.log_mel) for clip in clips),
        source_rate_hz=tuple(clip.source_rate_hz for clip in clips),
        source_samples=tuple(clip.source_samples for clip in clips),
        kept_whole=tuple(int(clip.kept_whole) for clip in clips),
        source_bytes=tuple(source.bytes for source in sources),
        source_mtime_ns=tuple(source.mtime_ns for source in sources),
        fold=_unless_empty([source.fold for source in sources]),
        group=_unless_empty([source.group for source in sources]),
        source_sha256=tuple(one.sha256 for one in made) if format_version >= 2 else None,
        notes=tuple(one.notes for one in made) if format_version >= 2 else None,
    )


def _unless_empty(column: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(column) if any(column) else None


def _quarantine_table(clips: Sequence[tuple[Source, str]]) -> QuarantineTable:
    return QuarantineTable(
        fname=tuple(source.fname for source, _ in clips),
        reason=tuple(reason for _, reason in clips),
        source_bytes=tuple(source.bytes for source, _ in clips),
        source_mtime_ns=tuple(source.mtime_ns for source, _ in clips),
    )
