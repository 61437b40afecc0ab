"""How fast features are made, beside the straightforward way and beside what the machine can do.

    python benchmarks/build.py DATA [--clips 120] [--runs 5] [--json] [--workers] [--growth]

The first table is of one process whose native libraries have one thread. Everyone in turn goes from the same clips, of
DATA's largest split, to files in a temporary folder; all in turn make a run, the figures are medians over the runs, and
ratios are of the same run. Imports, filters and the system's cache of the clips are warm.

- Ours is what a worker does with a shard: decode, check, resample, desilence, log-mel, quantise, energy, one HDF5 file,
  made durable and hashed.
- The straightforward way is ``librosa.load``, pydub's ``split_on_silence`` by the same rules,
  ``librosa.feature.melspectrogram`` and ``np.save``; nothing is checked, hashed or made durable.
- The floor is what cannot be left out: decode, soxr, one real FFT over the frames that are stored (those that silence
  removal leaves, and short clips' repetitions; their number is given), and one write of as many bytes, made durable.
  Once by each library's plain call, once by the fastest calls found and without fresh memory, as no real builder can.

``--workers`` builds a store of all of DATA with one and with two worker processes; ``--growth`` measures the memory of
builder and worker while the number of clips grows, by links to short clips (on Linux).
"""

import argparse
import contextlib
import functools
import importlib.metadata
import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from build_memory import growth_rows
from floors import PlainFloor, TunedFloor
from timing import circumstances, markdown

from fat2019.audio.clip import arrays_of
from fat2019.audio.decode import read_audio
from fat2019.audio.logmel import cumulative_energy, log_mel, repeat_to
from fat2019.audio.quantise import quantise
from fat2019.audio.silence import desilence
from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import DataSet, find_data_set
from fat2019.store.building.builder import build_features
from fat2019.store.building.sources import list_sources
from fat2019.store.building.worker import Task, make_shard, one_thread
from fat2019.store.formats import storage_format
from fat2019.store.manifest import Header, ShardRecord
from fat2019.store.schema import ClipFeatures, ShardHead
from fat2019.store.shards import content_key, shard_name

_CONFIG = FeatureConfig()
_WORKERS = (1, 2)

_RATES = {
    "name": "",
    "audio_s_per_s": "audio seconds/s",
    "audio_s_per_s_min": "least",
    "audio_s_per_s_max": "most",
    "ours_is_faster": "ours is so many times faster",
    "ours_is_faster_min": "least",
    "ours_is_faster_max": "most",
    "ours_takes": "ours takes so many times as long",
}
_SHARES = {"name": "stage of ours", "share": "share of the time"}
_OF_WORKERS = {
    "name": "",
    "seconds_1": "1 worker, s",
    "seconds_2": "2 workers, s",
    "ratio": "ratio",
    "ratio_min": "least",
    "ratio_max": "most",
}
_MEMORY = {
    "name": "",
    "builder_mb": "builder's peak, MB",
    "worker_mb": "worker's peak, MB",
    "audio_hours": "audio, h",
    "seconds": "seconds",
}

Note = Callable[[str], None]


def main() -> None:
    arguments = _parse()
    data_set = find_data_set(arguments.data)
    result: dict[str, Any] = circumstances() | {"runs": arguments.runs}
    result["versions"] |= {
        name: importlib.metadata.version(name) for name in ("librosa", "pydub", "soxr", "soundfile", "scipy", "h5py")
    }
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        # First, and in processes of their own: a process begins with the peak memory of the one that started it.
        if arguments.growth:
            result["growth"] = growth_rows(data_set, Path(folder), _note)
        if arguments.workers:
            result["workers"] = worker_rows(data_set, Path(folder), arguments.runs, _note)
        result |= speed(data_set, arguments.clips, Path(folder), arguments.runs, _note)
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        _print(result)


def speed(data_set: DataSet, clips: int, folder: Path, runs: int, note: Note) -> dict[str, Any]:
    """Rows of the contestants and of the stages of ours."""
    from rivals import straightforward

    task = _one_shard(data_set, clips, folder)
    record = _ours(task)
    if record.quarantine.fname:
        raise SystemExit(f"{record.quarantine.reason[0]}: the others do not look for such clips: give other --clips")
    audio_s = sum(
        samples / rate for samples, rate in zip(record.clips.source_samples, record.clips.source_rate_hz, strict=True)
    )
    saved = folder / "npy"
    contestants = {
        "ours": lambda: _ours(task),
        "straightforward": lambda: [
            straightforward.write_features(source.path, task.split, saved, _CONFIG) for source in task.sources
        ],
        "floor, plain calls": PlainFloor(task, record).run,
        "floor, tuned": TunedFloor(task, record).run,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    stages: list[dict[str, float]] = []
    with one_thread():
        for run in range(-1, runs):  # the first does not count
            for name, contestant in contestants.items():
                saved.mkdir()
                seconds[name].append(_seconds(contestant))
                shutil.rmtree(saved)
                note(f"run {run + 1} of {runs}: {name}: {audio_s / seconds[name][-1]:,.0f} audio seconds/s")
            stages.append(_stages(task))
    counted = {name: of_name[1:] for name, of_name in seconds.items()}
    return {
        "split": task.split,
        "clips": len(task.sources),
        "audio_seconds": round(audio_s, 1),
        "stored_bytes": record.files[0].bytes,
        "rows": [_rate_row(name, audio_s, of_name, counted["ours"]) for name, of_name in counted.items()],
        "stages": _stage_rows(stages[1:]),
    }


def worker_rows(data_set: DataSet, folder: Path, runs: int, note: Note) -> list[dict[str, Any]]:
    """A whole store with one and with two workers in turn: by processes that are ready, and as a command."""
    found: dict[str, dict[int, list[float]]] = {
        name: {workers: [] for workers in _WORKERS} for name in ("building alone", "whole command")
    }
    with contextlib.ExitStack() as stack:
        pools = {workers: stack.enter_context(_warm_pool(workers)) for workers in _WORKERS}
        for run in range(runs):
            for workers in _WORKERS:
                alone = functools.partial(build_features, data_set, folder / "store", _CONFIG, executor=pools[workers])
                for name, work in {
                    "building alone": alone,
                    "whole command": functools.partial(_command, data_set, folder, workers),
                }.items():
                    found[name][workers].append(_seconds(work))
                    shutil.rmtree(folder / "store")
                    note(f"run {run + 1} of {runs}: {name}, {workers} workers: {found[name][workers][-1]:.2f} s")
    return [_workers_row(name, of_name) for name, of_name in found.items()]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="a data set of 16-bit mono WAV files")
    parser.add_argument("--clips", type=int, default=120, help="for the first table")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--workers", action="store_true", help="compare one and two worker processes as well")
    parser.add_argument("--growth", action="store_true", help="measure memory up to 25,000 clips as well")
    parser.add_argument("--folder", type=Path, help="where temporary files go, by default the system's place for them")
    return parser.parse_args()


def _one_shard(data_set: DataSet, clips: int, out: Path) -> Task:
    """So many clips, evenly from the largest split."""
    split, sources = max(list_sources(data_set).items(), key=lambda item: len(item[1]))
    chosen = np.linspace(0, len(sources) - 1, min(clips, len(sources))).round().astype(int)
    header = Header(_CONFIG, data_set.vocabulary, ("hdf5",), {split: 1})
    return Task(shard_name(split, 0, 1), split, tuple(sources[index] for index in chosen), header, out, "benchmark")


def _ours(task: Task) -> ShardRecord:
    record, temporary = make_shard(task)
    for name in temporary:
        (task.out / name).unlink()
    return record


def _stages(task: Task) -> dict[str, float]:
    """Seconds of the parts of ours, each by itself."""
    seconds: dict[str, float] = {}
    clips = []

    def timed(name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        result = work(*arguments)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
        return result

    for source in task.sources:
        decoded, rate = timed("decode", _decode, source.path)
        timed("resample", soxr.resample, decoded, rate, _CONFIG.sample_rate_hz)
        samples = timed("check, round to int16", read_audio, source.path, _CONFIG.sample_rate_hz).samples
        rule = _CONFIG.silence_rule(task.split, len(samples) / _CONFIG.sample_rate_hz)
        audio, kept_whole = timed("silence", desilence, samples, _CONFIG.sample_rate_hz, rule)
        repeated = repeat_to(audio, _CONFIG.window_samples)
        mels = timed("log-mel", log_mel, repeated, _CONFIG)
        stored, decibel_range = timed("quantise", quantise, mels, _CONFIG)
        energy = timed("energy", cumulative_energy, repeated, _CONFIG)
        clips.append(
            ClipFeatures(
                source.fname,
                source.labels,
                source.usage,
                audio,
                stored,
                decibel_range,
                energy,
                rate,
                len(decoded),
                kept_whole,
            )
        )
    timed("write, make durable, hash", _write, task, clips)
    # Reading a clip begins with the first two.
    seconds["check, round to int16"] -= seconds["decode"] + seconds["resample"]
    return seconds


def _write(task: Task, clips: Sequence[ClipFeatures]) -> None:
    key = content_key(task.name, task.header.config, task.header.vocabulary, clips)
    path = task.out / "stage.h5"
    head = ShardHead(task.name, task.split, key, task.header.config, task.header.vocabulary)
    storage_format("hdf5").write(path, path.suffix, head, clips)
    path.unlink()


def _decode(path: Path) -> tuple[Any, int]:
    samples, rate = soundfile.read(path, dtype="int16")
    return samples.astype(np.float32), rate


def _stage_rows(stages: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    shares = {name: [of_run[name] / sum(of_run.values()) for of_run in stages] for name in stages[0]}
    return [{"name": name, "share": round(statistics.median(of_runs), 3)} for name, of_runs in shares.items()]


def _rate_row(name: str, audio_s: float, seconds: Sequence[float], ours: Sequence[float]) -> dict[str, Any]:
    ratios = [theirs / own for theirs, own in zip(seconds, ours, strict=True)]
    return {
        "name": name,
        "audio_s_per_s": round(audio_s / statistics.median(seconds)),
        "audio_s_per_s_min": round(audio_s / max(seconds)),
        "audio_s_per_s_max": round(audio_s / min(seconds)),
        "ours_is_faster": round(statistics.median(ratios), 3),
        "ours_is_faster_min": round(min(ratios), 3),
        "ours_is_faster_max": round(max(ratios), 3),
        "ours_takes": round(1 / statistics.median(ratios), 3),  # times as long
    }


def _workers_row(name: str, seconds: dict[int, list[float]]) -> dict[str, Any]:
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {
        "name": name,
        **{f"seconds_{workers}": round(statistics.median(of_workers), 2) for workers, of_workers in seconds.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
    }


@contextlib.contextmanager
def _warm_pool(workers: int) -> Iterator[Executor]:
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        # Each is busy for long enough that every process gets one.
        list(pool.map(_load_libraries, range(workers)))
        yield pool


def _load_libraries(_: int) -> None:
    import h5py  # noqa: F401

    with one_thread():
        arrays_of(np.ones(_CONFIG.window_samples, np.int16), _CONFIG)
    time.sleep(1)


def _command(data_set: DataSet, folder: Path, workers: int) -> None:
    command = [
        sys.executable,
        "-c",
        "from fat2019.cli import main; main()",
        "build-features",
        data_set.root,
        "--out",
        folder / "store",
        "--workers",
        str(workers),
        "--json",
    ]
    subprocess.run(command, check=True, capture_output=True)


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print(result: dict[str, Any]) -> None:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(
        f"{result['date']}, `{result['command']}`, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, {versions}; medians of {result['runs']} runs; "
        f"{result['clips']} {result['split']} clips, {result['audio_seconds']:,} s of audio, "
        f"{result['stored_bytes'] / 1e6:,.1f} MB written.\n"
    )
    tables: Iterable[tuple[str, dict[str, str]]] = (
        ("rows", _RATES),
        ("stages", _SHARES),
        ("workers", _OF_WORKERS),
        ("growth", _MEMORY),
    )
    print("\n\n".join(markdown(columns, result[name]) for name, columns in tables if name in result))


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
