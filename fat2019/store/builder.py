"""Clips -> a feature store: worker processes, progress, resuming, quarantine.

A shard is the unit of work and of loss. Workers write its files under temporary names and describe them; only
this process, which holds the store's lock, gives them their names and notes them in the journal, and writes the
manifest when all are there. So a build that is stopped at any moment resumes where it was, what a reader can open is
always complete, and an update leaves the store that is there in its place until the new one is.
"""

import contextlib
import dataclasses
import logging
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import DataSet
from fat2019.errors import DataError, OtherVersion
from fat2019.store.formats import FORMATS
from fat2019.store.journal import (
    JOURNAL_NAME,
    TEMPORARY_PREFIX,
    append_to_journal,
    read_journal,
    replace,
    start_journal,
)
from fat2019.store.manifest import (
    MANIFEST_NAME,
    Header,
    Manifest,
    ShardRecord,
    read_manifest,
    to_bytes,
)
from fat2019.store.planner import Plan, left_over, make_plan, shard_counts
from fat2019.store.schema import FORMAT_VERSION
from fat2019.store.shards import open_regular
from fat2019.store.sources import STAMPS_NAME, Contents, Sources, alike_times, list_sources, write_stamps
from fat2019.store.worker import disk_errors, make_shard
from fat2019.utils.cores import cores
from fat2019.utils.ending import deferred, undone
from fat2019.utils.files import make_folder, sync_folder
from fat2019.utils.lock import LOCK_NAME, OWNER_SUFFIX, build_lock
from fat2019.utils.progress import Progress

_LOG = logging.getLogger("fat2019")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


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
        workers: processes, by default one a core; 1 works in this process.
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
        return _summary(current, began, built=0, reused=len(current.shards), removed=0)
    with disk_errors(out), _folder(out), build_lock(out), _without_temporary(out):
        found, started_over = _find_store(out, wanted, repair)
        contents = Contents(out, compare_all=repair)
        plan = make_plan(out, wanted, found.header, (*found.shards, *found.unpublished), sources, contents, repair)
        published = (out / MANIFEST_NAME).exists()
        if published and found.header.format_version < FORMAT_VERSION and (plan.tasks or plan.removed):
            found = _of_this_version(out, found, sources)
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
    return _summary(
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


@dataclasses.dataclass(frozen=True)
class _Found:
    """What is in a store's folder: a finished store, the shards of a build that was interrupted, or both."""

    header: Header
    shards: tuple[ShardRecord, ...] = ()
    unpublished: tuple[ShardRecord, ...] = ()


def _up_to_date(out: Path, wanted: Header, sources: Sources) -> Manifest | None:
    """The store, if nothing is to be done: found by looking alone, without a lock."""
    if not (out / MANIFEST_NAME).exists():
        return None
    manifest, contents = read_manifest(out), Contents(out)
    if alike := alike_times(sources):
        _LOG.info("%d of %d clips have the same time, which says little of changes: --repair compares contents", *alike)
    plan = make_plan(out, wanted, manifest.header, manifest.shards, sources, contents, repair=False)
    if plan.tasks or plan.removed or any(_is_trace(entry.name) for entry in os.scandir(out)):
        return None
    if contents.compared:
        _LOG.info("%d clips were copied or touched, and compared by content: they are the same", contents.compared)
        with contextlib.suppress(OSError):  # a store that cannot be written to is compared again the next time
            write_stamps(out, sources)
    return manifest


def _is_trace(name: str) -> bool:
    """Whether a file is what only a builder at work, or one that died, leaves."""
    return name in (JOURNAL_NAME, LOCK_NAME, LOCK_NAME + OWNER_SUFFIX) or name.startswith(TEMPORARY_PREFIX)


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


def _find_store(out: Path, wanted: Header, repair: bool) -> tuple[_Found, bool]:
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
        return _Found(wanted), True
    return _Found(journal[0], unpublished=journal[1]) if journal else _Found(wanted), False


def _with_journal(out: Path, header: Header, shards: tuple[ShardRecord, ...]) -> _Found:
    """A store, and what an update of it has made; of which nothing is wanted that does not fit."""
    with contextlib.suppress(DataError):
        updated, unpublished = read_journal(out) or (header, ())
        counts = {**updated.shard_counts, **header.shard_counts}
        if updated == dataclasses.replace(header, shard_counts=counts):
            return _Found(updated, shards, unpublished)
    return _Found(header, shards)


def _of_this_version(out: Path, old: _Found, sources: Sources) -> _Found:
    """The same store in today's format, of which only an interrupted update can have shards.

    Before version 2 shards take the place of older ones, so that an update would take the store from its readers.
    """
    if kept := sorted(set(old.header.shard_counts) - set(sources)):
        raise DataError(
            f"{out}: a store of format {old.header.format_version}, which an update writes anew in format "
            f"{FORMAT_VERSION}, and the data set given has no {' and no '.join(kept)} clips: build with the whole data "
            "set, or into another folder"
        )
    _LOG.info(
        "%s: written anew in format %d; readers keep that of format %d until then",
        *(out, FORMAT_VERSION, old.header.format_version),
    )
    return _with_journal(out, dataclasses.replace(old.header, format_version=FORMAT_VERSION), old.shards)


def _begin(out: Path, plan: Plan, found: _Found) -> bytes | None:
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
    _LOG.info("%s: readers keep the store that is there until the new one is finished: %.1f MB more", out, size / 1e6)


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
            with _process_pool(processes) as pool:
                self._collect(pool)

    def records(self) -> tuple[ShardRecord, ...]:
        """All shards, in the order of the store."""
        every = {**self._plan.reused, **self._made}
        return tuple(every[name] for _, name in self._plan.header.names())

    def _collect(self, executor: Executor) -> None:
        # The largest first: else all but one worker may have nothing left to do while it makes a large one.
        tasks = sorted(self._plan.tasks, key=lambda task: -sum(source.bytes for source in task.sources))
        with deferred(), _signals_for_the_builder():  # a process is not to be left behind half-started
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


@contextlib.contextmanager
def _process_pool(processes: int) -> Iterator[Executor]:
    # Spawned, not forked: a fork copies locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    # The process that cleans up after a builder that was killed, and tells of it at length.
    with _variables(PYTHONWARNINGS="ignore"), _signals_for_the_builder():
        resource_tracker.ensure_running()
    others = set(multiprocessing.active_children())
    with _variables(**dict.fromkeys(_THREAD_VARIABLES, "1")):
        pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
        try:
            yield pool
        except Exception:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        except BaseException:  # nobody wants to wait for shards of which nothing is kept
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            pool.shutdown(wait=True)
            raise
        pool.shutdown(wait=True)


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """For processes started within, which read these when they begin (native libraries the number of their threads)."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_for_the_builder() -> Iterator[None]:
    """Processes started within do not hear of Ctrl-C, nor of a terminal that ends: the builder stops them itself.

    They would while they load their libraries if it were left to them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    threading.Thread(target=_end_with_builder, daemon=True).start()


def _end_with_builder() -> None:
    """A builder that was killed can stop nobody."""
    builder = multiprocessing.parent_process()
    if builder is not None:
        builder.join()
        os._exit(1)


def _require_none(strict: bool, records: Iterable[ShardRecord]) -> None:
    for record in records:
        if strict and record.quarantine.fname:
            raise DataError(f"{record.quarantine.reason[0]} (an error because of --strict)")


def _give_up(out: Path, root: Path, found: _Found, records: Sequence[ShardRecord], before: bytes | None) -> None:
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


def _summary(
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
