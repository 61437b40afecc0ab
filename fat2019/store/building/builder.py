"""Clips -> a feature store: worker processes, progress, resuming, quarantine.

A shard is the unit of work and of loss. Workers write its files under temporary names and describe them; only
this process, which holds the store's lock, gives them their names and notes them in the journal, and writes the
manifest when all are there. So a build that is stopped at any moment resumes where it was, what a reader can open is
always complete, and an update leaves the store that is there in its place until the new one is.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from functools import partial
from pathlib import Path

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import DataSet
from fat2019.errors import DataError
from fat2019.store.building.found import Found, find_store, of_this_version
from fat2019.store.building.journal import (
    JOURNAL_NAME,
    TEMPORARY_PREFIX,
    append_to_journal,
    replace,
    start_journal,
)
from fat2019.store.building.planner import Plan, left_over, make_plan, shard_counts
from fat2019.store.building.processes import process_pool, signals_for_the_builder
from fat2019.store.building.sources import STAMPS_NAME, Contents, Sources, alike_times, list_sources, write_stamps
from fat2019.store.building.summary import BuildSummary, summarise
from fat2019.store.building.worker import disk_errors, make_shard
from fat2019.store.formats import FORMATS
from fat2019.store.manifest import (
    MANIFEST_NAME,
    Header,
    Manifest,
    ShardRecord,
    read_manifest,
    to_bytes,
)
from fat2019.store.schema import FORMAT_VERSION
from fat2019.store.shards import open_regular
from fat2019.utils.cores import cores
from fat2019.utils.ending import deferred, undone
from fat2019.utils.files import make_folder, sync_folder
from fat2019.utils.lock import LOCK_NAMES, build_lock
from fat2019.utils.printable import counted
from fat2019.utils.progress import Progress

_LOG = logging.getLogger("fat2019")


def build_features(
    data_set: DataSet,
    out: Path,
    config: FeatureConfig,
    *,
    formats: Sequence[str] = ("hdf5",),
    workers: int | None = None,
    executor: Executor | None = None,
    strict: bool = False,
    repair: bool = False,
    progress: Progress | None = None,
    clips_a_shard: int = 128,
) -> BuildSummary:
    """Make a store of a data set, or bring the store that is there up to date.

    Args:
        data_set: the clips; splits of the store that it does not have are kept.
        out: the store's folder, made if need be.
        config: what is computed.
        formats: some of ``formats.FORMATS``.
        workers: number of processes, by default one per core; 1 builds in this process.
        executor: what to run the shards on instead, for instance that of a dask client.
        strict: a clip that cannot be used is an error.
        repair: check the SHA-256 of the shards, and make those anew that are damaged or have clips in quarantine,
            which may have been the machine's fault.
        progress: called after each shard.
        clips_a_shard: about how many, when a split is built for the first time.

    Raises:
        DataError: the store has other settings, another builder is at work, a clip changed meanwhile or cannot
            be read, none can be used, or the disk is full. What is done by then is not lost; a store of which no
            clip can be used any more stays as it was.
    """
    began, out = time.monotonic(), Path(out)
    sources = list_sources(data_set)
    wanted = Header(config, data_set.vocabulary, _ordered(formats), shard_counts(sources, clips_a_shard))
    if not repair and (current := _up_to_date(out, wanted, sources)):
        _require_none(strict, current.shards)
        return summarise(current, began, built=0, reused=len(current.shards), removed=0)
    with disk_errors(out), _folder(out), build_lock(out), _without_temporary(out):
        found, started_over = find_store(out, wanted, repair)
        contents = Contents(out, compare_all=repair)
        plan = make_plan(out, wanted, found.header, (*found.shards, *found.unpublished), sources, contents, repair)
        published = (out / MANIFEST_NAME).exists()
        if published and found.header.format_version < FORMAT_VERSION and (plan.tasks or plan.removed):
            found = of_this_version(out, found, sources)
            plan = make_plan(out, wanted, found.header, found.unpublished, sources, contents, repair)
        _require_none(strict, plan.reused.values())
        if published and [plan.reused.get(name) for _, name in plan.header.names()] == list(found.shards):
            records = found.shards
            removed = _remove_left_over(out, records)
            (out / JOURNAL_NAME).unlink(missing_ok=True)
        else:
            before = _begin(out, plan, found)
            made = _Committer(out, plan, strict, progress)
            made.run(workers, executor)
            records = made.records()
            if not any(record.clips.fname for record in records):
                _give_up(out, data_set.root, found, records, before)
            removed = _publish(out, Manifest(plan.header, records))
        if plan.header.format_version >= 2:
            write_stamps(out, sources)
    return summarise(
        Manifest(plan.header, records),
        began,
        built=len(plan.tasks),
        reused=len(plan.reused),
        removed=removed,
        started_over=started_over,
    )


def _ordered(formats: Sequence[str]) -> tuple[str, ...]:
    if not formats or not set(formats) <= set(FORMATS):
        raise DataError(f"formats: expected some of {FORMATS}, received {tuple(formats)}")
    return tuple(name for name in FORMATS if name in formats)


def _up_to_date(out: Path, wanted: Header, sources: Sources) -> Manifest | None:
    """The store if it is up to date, checked without a lock."""
    if not (out / MANIFEST_NAME).exists():
        return None
    manifest, contents = read_manifest(out), Contents(out)
    if alike := alike_times(sources):
        _LOG.info(
            "%d of %d clips have the same modification time, which may hide changes: --repair compares contents", *alike
        )
    plan = make_plan(out, wanted, manifest.header, manifest.shards, sources, contents, repair=False)
    if plan.tasks or plan.removed or any(_is_trace(entry.name) for entry in os.scandir(out)):
        return None
    if contents.compared:
        _LOG.info("unchanged in content: %s that looked copied or touched", counted(contents.compared, "clip"))
        with contextlib.suppress(OSError):  # a store that cannot be written to is compared again the next time
            write_stamps(out, sources)
    return manifest


def _is_trace(name: str) -> bool:
    """Whether a file is what only a builder at work, or one that died, leaves."""
    return name in (JOURNAL_NAME, *LOCK_NAMES) or name.startswith(TEMPORARY_PREFIX)


@contextlib.contextmanager
def _folder(out: Path) -> Iterator[None]:
    """The store's folder, made if need be, and removed again if it stayed empty."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: a file, where the folder of a store is expected")
    make_folder(out)
    names = {path.name for path in out.iterdir()}
    if names and MANIFEST_NAME not in names and not any(map(_is_trace, names)):
        raise DataError(f"{out}: neither empty nor a feature store: give another folder")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            out.rmdir()


@contextlib.contextmanager
def _without_temporary(out: Path) -> Iterator[None]:
    """No temporary files, neither of a builder that died nor afterwards of this one."""
    _remove_temporary(out)
    with undone(partial(_remove_temporary, out)):
        try:
            yield
        finally:
            _remove_temporary(out)


def _remove_temporary(out: Path) -> None:
    for path in out.glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def _begin(out: Path, plan: Plan, found: Found) -> bytes | None:
    """Start or continue the journal.

    Returns:
        The manifest that there was, if it could not be trusted: the store counts as unfinished from here on.
    """
    start_journal(out, plan.header, plan.reused.values())
    if found.shards:
        _remove_left_over(out, (*found.shards, *plan.reused.values()))  # of attempts that came to nothing
        _say_disk_use(out, plan, found.shards)
        return None
    manifest, before = out / MANIFEST_NAME, None
    with contextlib.suppress(DataError), open_regular(manifest) as file:
        before = file.readall()
    manifest.unlink(missing_ok=True)
    sync_folder(out)
    return before


def _say_disk_use(out: Path, plan: Plan, shards: Iterable[ShardRecord]) -> None:
    again = {task.name for task in plan.tasks}
    size = sum(file.bytes for shard in shards if shard.name in again for file in shard.files)
    _LOG.info("%s: readers keep the old store until the new one is finished, which takes %.1f MB more", out, size / 1e6)


def _publish(out: Path, manifest: Manifest) -> int:
    """Make the new store the one that readers open.

    Returns:
        How many files of shards are gone that have none any more.
    """
    replace(out / MANIFEST_NAME, to_bytes(manifest))
    (out / JOURNAL_NAME).unlink()
    removed = _remove_left_over(out, manifest.shards)
    sync_folder(out)
    return removed


def _remove_left_over(out: Path, records: Iterable[ShardRecord]) -> int:
    """Remove the shard files that no record names.

    Returns:
        How many of them were of shards that have no files; others were replaced.
    """
    records = tuple(records)
    found = left_over(out, records)
    for name in found:
        (out / name).unlink()
    with_files = {record.name for record in records if record.files}
    return sum(shard not in with_files for shard in found.values())


class _Committer:
    """Has the shards of a plan made, and makes them part of the store as they come."""

    def __init__(self, out: Path, plan: Plan, strict: bool, progress: Progress | None) -> None:
        self._out, self._plan, self._strict, self._progress = out, plan, strict, progress
        self._made: dict[str, ShardRecord] = {}
        self._clips, self._clips_done = sum(len(task.sources) for task in plan.tasks), 0

    def run(self, workers: int | None, executor: Executor | None) -> None:
        processes = min(workers or cores(), len(self._plan.tasks))
        if executor is not None:
            self._collect(executor)
        elif processes <= 1:
            for task in self._plan.tasks:
                self._commit(*make_shard(task))
        else:
            with process_pool(processes) as pool:
                self._collect(pool)

    def records(self) -> tuple[ShardRecord, ...]:
        """All shards, in the order of the store."""
        every = {**self._plan.reused, **self._made}
        return tuple(every[name] for _, name in self._plan.header.names())

    def _collect(self, executor: Executor) -> None:
        # The largest first: else all but one worker may have nothing left to do while it makes a large one.
        tasks = sorted(self._plan.tasks, key=lambda task: -sum(source.bytes for source in task.sources))
        with deferred(), signals_for_the_builder():  # a process is not to be left behind half-started
            futures = [executor.submit(make_shard, task) for task in tasks]
        try:
            for future in as_completed(futures):
                self._commit(*future.result())
        except BrokenExecutor as error:
            raise DataError(
                f"{self._out}: a worker died, perhaps for lack of memory: the same command resumes, if "
                "need be with fewer workers"
            ) from error
        except Exception:
            for future in futures:
                future.cancel()
            raise

    def _commit(self, record: ShardRecord, temporary: Sequence[str]) -> None:
        _require_none(self._strict, [record])
        for name, file in zip(temporary, record.files, strict=True):
            (self._out / name).replace(self._out / file.name)
        sync_folder(self._out)
        append_to_journal(self._out, record)
        self._made[record.name] = record
        self._clips_done += len(record.clips.fname) + len(record.quarantine.fname)
        if self._progress:
            self._progress(self._clips_done, self._clips)


def _require_none(strict: bool, records: Iterable[ShardRecord]) -> None:
    for record in records:
        if strict and record.quarantine.fname:
            raise DataError(f"{record.quarantine.reason[0]} (an error because of --strict)")


def _give_up(out: Path, root: Path, found: Found, records: Sequence[ShardRecord], before: bytes | None) -> None:
    """Leave the store as it was, whose shards are all still there, or else nothing."""
    if before is None:
        _remove_left_over(out, found.shards)
        if not found.shards:
            (out / STAMPS_NAME).unlink(missing_ok=True)
    else:
        replace(out / MANIFEST_NAME, before)
    (out / JOURNAL_NAME).unlink()
    reasons = [reason for record in records for reason in record.quarantine.reason]
    raise DataError(f"{root}: none of its {len(reasons)} clips can be used, for instance {reasons[0]}")
