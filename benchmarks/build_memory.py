"""The peak memory of a builder and of its workers while the clips become many (on Linux)."""

import contextlib
import csv
import multiprocessing
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import DataSet, find_data_set
from fat2019.store.building.builder import build_features

_CLIPS = (500, 5_000, 25_000)
_SOURCES = 40  # the shortest curated clips
_SAMPLING_S = 0.05


def growth_rows(data_set: DataSet, folder: Path, note: Callable[[str], None]) -> list[dict[str, Any]]:
    """Peak memory of the builder and its workers, for DATA and for links to its shortest curated clips."""
    rows = [_measured_apart("the data set itself", data_set.root, folder)]
    note(f"{rows[-1]}")
    for clips in _CLIPS:
        root = folder / f"{clips}-clips"
        _make_links(data_set, root, clips)
        rows.append(_measured_apart(f"{clips:,} short clips", root, folder))
        shutil.rmtree(root)
        note(f"{rows[-1]}")
    return rows


def measure_memory(name: str, root: Path, out: Path) -> dict[str, Any]:
    """Build with two workers. For a process of its own: its peak memory cannot be taken back."""
    peaks: dict[int, float] = {}
    with _watched_children(peaks):
        summary = build_features(find_data_set(root), out, FeatureConfig(), workers=2)
    return {
        "name": name,
        "clips": summary.clips,
        "builder_mb": round(_peak_mb("self")),
        "worker_mb": round(max(peaks.values())),
        "audio_hours": round(summary.audio_seconds_before / 3600, 2),
        "seconds": round(summary.seconds, 1),
    }


def _measured_apart(name: str, root: Path, folder: Path) -> dict[str, Any]:
    out = folder / "measured"
    # A pool's process may have children of its own, unlike that of multiprocessing.Pool.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        row = process.submit(measure_memory, name, root, out).result()
    shutil.rmtree(out)
    return row


@contextlib.contextmanager
def _watched_children(peaks: dict[int, float]) -> Iterator[None]:
    """Note the peak memory of this process's children until they are gone, in MB by process id."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLING_S):
            for child in multiprocessing.active_children():
                with contextlib.suppress(OSError, StopIteration):  # it has just ended
                    peaks[child.pid or 0] = _peak_mb(child.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _peak_mb(process: int | str | None) -> float:
    # What getrusage tells begins with the peak of the process that started this one.
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * 1024 / 1e6


def _make_links(data_set: DataSet, root: Path, clips: int) -> None:
    """A data set of so many names for the shortest curated clips."""
    curated = (clip for clip in data_set.clips if clip.split == "curated")
    sources = sorted(curated, key=lambda clip: clip.path.stat().st_size)[:_SOURCES]
    (root / "train_curated").mkdir(parents=True)
    with (root / "train_curated.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["fname", "labels"])
        for index in range(clips):
            source = sources[index % len(sources)]
            link = root / "train_curated" / f"{index:08x}.wav"
            _link(source.path.resolve(), link)
            table.writerow([link.name, ",".join(source.labels)])


def _link(source: Path, link: Path) -> None:
    try:
        link.hardlink_to(source)
    except OSError:  # another file system, or more links than it allows
        link.symlink_to(source)
