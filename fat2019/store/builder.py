"""Clips -> a feature store: worker processes, progress, resuming, quarantine.

A shard is the unit of work and of loss. Workers write its files under temporary names and describe them; only
this process, which holds the store's lock, gives them their names and notes them in the journal, and writes the
manifest when all are there. So a build that is stopped at any moment resumes where it was, and what a reader can
open is always complete.
"""

import contextlib
import dataclasses
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import DataSet
from fat2019.errors import DataError, OtherVersion
from fat2019.store.formats import FORMATS, shard_files
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
from fat2019.store.planner import Plan, Sources, list_sources, make_plan, shard_counts
from fat2019.store.shards import open_regular
from fat2019.store.worker import disk_errors, make_shard
from fat2019.utils.files import sync_folder
from fat2019.utils.lock import LOCK_NAME, build_lock
from fat2019.utils.progress import Progress

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class BuildSummary:
    """What a build found and did. All but the shards concerns the whole store."""

    clips: int
    quarantined: tuple[tuple[str, str], ...]  # (fname, reason)
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
        plan = make_plan(out, wanted, found.header, found.shards, sources, repair)
        _require_none(strict, plan.reused.values())
        if (out / MANIFEST_NAME).exists() and not plan.tasks:
            records = found.shards
            removed = _remove_left_over(out, plan, records)
            (out / JOURNAL_NAME).unlink(missing_ok=True)
        else:
            before = _begin(out, plan)
            made = _Committer(out, plan, strict, progress)
            made.run(workers, executor)
            records = made.records()
            if not any(record.clips.fname for record in records):
                _give_up(out, data_set.root, plan, records, before)
            removed = _remove_left_over(out, plan, records)
            replace(out / MANIFEST_NAME, to_bytes(Manifest(plan.header, records)))
            (out / JOURNAL_NAME).unlink()
            sync_folder(out)
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


def _up_to_date(out: Path, wanted: Header, sources: Sources) -> Manifest | None:
    """The store, if nothing is to be done: found by looking alone, without a lock."""
    if not (out / MANIFEST_NAME).exists():
        return None
    manifest = read_manifest(out)
    plan = make_plan(out, wanted, manifest.header, manifest.shards, sources, repair=False)
    clean = not plan.tasks and not plan.removed and not any(_is_trace(entry.name) for entry in os.scandir(out))
    return manifest if clean else None


def _is_trace(name: str) -> bool:
    """Whether a file is what only a builder at work, or one that died, leaves."""
    return name in (JOURNAL_NAME, LOCK_NAME) or name.startswith(TEMPORARY_PREFIX)


@contextlib.contextmanager
def _folder(out: Path) -> Iterator[None]:
    """The store's folder, made if need be, and removed again if it stayed empty."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: a file, where the folder of a store is expected")
    out.mkdir(parents=True, exist_ok=True)
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
    try:
        yield
    finally:
        _remove_temporary(out)


def _remove_temporary(out: Path) -> None:
    for path in out.glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def _find_store(out: Path, wanted: Header, repair: bool) -> tuple[Manifest, bool]:
    """What is there: a finished store, an interrupted one, or nothing; and whether that is for damage."""
    try:
        if (out / MANIFEST_NAME).exists():  # then a journal has nothing to add
            return read_manifest(out), False
        journal = read_journal(out)
    except OtherVersion:
        raise
    except DataError:
        # A manifest that cannot be trusted says nothing of its shards: all are rebuilt.
        if not repair:
            raise
        return Manifest(wanted, ()), True
    return Manifest(*journal) if journal else Manifest(wanted, ()), False


def _begin(out: Path, plan: Plan) -> bytes | None:
    """From here on the store counts as unfinished: no shard may change, nor go, under a manifest.

    Returns:
        The manifest that there was, sound or not.
    """
    manifest, before = out / MANIFEST_NAME, None
    with contextlib.suppress(DataError), open_regular(manifest) as file:
        before = file.readall()
    start_journal(out, plan.header, plan.reused.values())
    manifest.unlink(missing_ok=True)
    sync_folder(out)
    return before


def _remove_left_over(out: Path, plan: Plan, records: Iterable[ShardRecord]) -> int:
    """Remove the shard files that no record names, when all else is done: until then a store can be put back.

    Returns:
        How many there were.
    """
    left_over = {*plan.removed, *(name for task in plan.tasks for name in shard_files(task.name, FORMATS))}
    left_over -= {file.name for record in records for file in record.files}
    found = left_over.intersection(entry.name for entry in os.scandir(out))
    for name in found:
        (out / name).unlink()
    return len(found)


class _Committer:
    """Has the shards of a plan made, and makes them part of the store as they come."""

    def __init__(self, out: Path, plan: Plan, strict: bool, progress: Progress | None) -> None:
        self._out, self._plan, self._strict, self._progress = out, plan, strict, progress
        self._made: dict[str, ShardRecord] = {}
        self._clips, self._clips_done = sum(len(task.sources) for task in plan.tasks), 0

    def run(self, workers: int | None, executor: Executor | None) -> None:
        processes = min(workers or os.cpu_count() or 1, len(self._plan.tasks))
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
        futures = [executor.submit(make_shard, task) for task in tasks]
        try:
            for future in as_completed(futures):
                self._commit(*future.result())
        except BrokenExecutor as error:
            raise DataError(
                f"{self._out}: a worker died, perhaps for lack of memory: the same command resumes, if "
                "need be with fewer workers"
            ) from error
        finally:
            for future in futures:
                future.cancel()

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
    with _thread_variables():
        pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _thread_variables() -> Iterator[None]:
    """For processes started within: libraries that make their threads when they are loaded make one."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the builder stops the work, in its own order
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


def _give_up(out: Path, root: Path, plan: Plan, records: Sequence[ShardRecord], before: bytes | None) -> None:
    """Leave the store as it was, whose shards are all still there, or else nothing."""
    if before is None:
        _remove_left_over(out, plan, records)
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
