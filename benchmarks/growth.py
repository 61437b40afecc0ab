"""How the feed's speed, start-up time and memory grow with the number of clips."""

import dataclasses
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from timing import row

# TensorFlow is imported by the functions that run in the measured process alone.

# Clips, and their shortest and longest length in frames: up to 24 s, until a quarter of a million must fit the memory.
SIZES = {1_000: (92, 740), 5_000: (92, 740), 25_000: (92, 740), 250_000: (92, 200)}
_FRAMES_AT_ONCE = 1 << 18
_CLASSES = 80


@dataclasses.dataclass(frozen=True)
class Growth:
    """What one fresh process measured."""

    windows_per_s: float
    gather_per_s: float
    start_s: float  # from the arrays in memory to the first batch
    peak_memory_ratio: float  # peak until the first batch, less what TensorFlow took, in sizes of the log-mels' array


def growth_rows(runs: int, note: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row a number of clips; every run measures each of them once, in a process of its own."""
    found: dict[int, list[Growth]] = {clips: [] for clips in SIZES}
    for run in range(runs):
        for clips, of_this in found.items():
            with multiprocessing.get_context("spawn").Pool(1) as process:
                of_this.append(process.apply(measure, (clips,)))
            note(
                f"run {run + 1} of {runs}: {clips:,} clips: {of_this[-1].windows_per_s:,.0f} windows/s, first batch "
                f"after {of_this[-1].start_s:.2f} s"
            )
    return [
        row(
            f"ours, {clips:,} clips of {SIZES[clips][0]} to {SIZES[clips][1]} frames",
            [one.windows_per_s for one in of_this],
            [one.gather_per_s for one in of_this],
        )
        | {
            "clips": clips,
            "start_s": round(float(np.median([one.start_s for one in of_this])), 2),
            "peak_memory_ratio": round(float(np.median([one.peak_memory_ratio for one in of_this])), 2),
        }
        for clips, of_this in found.items()
    ]


def measure(clips: int) -> Growth:
    """Feed from so many clips of random bytes. For a process of its own: its peak memory cannot be taken back."""
    from contestants import gather
    from timing import in_graph, windows_per_s

    from fat2019.augmentations.spec_augment import SpecAugment
    from fat2019.config.feed import FeedConfig
    from fat2019.feed.training import TrainingFeed

    _warm_up_tensorflow()
    before = psutil.Process().memory_info().rss
    store = RandomStore(clips)
    log_mels = store.read_log_mels(np.arange(clips))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: making random clips is no part of it
    began = time.perf_counter()
    feed = TrainingFeed(store, np.arange(clips), FeedConfig(augmentations=(SpecAugment(),), reader="memory"))  # type: ignore[arg-type]
    dataset = feed.dataset()
    next(iter(dataset))
    start_s = time.perf_counter() - began
    peak = _peak_memory()
    gather_per_s = windows_per_s(gather(log_mels))
    return Growth(windows_per_s(in_graph(dataset)), gather_per_s, start_s, (peak - before) / log_mels.log_mel.nbytes)


class RandomStore:
    """A store of random log-mels, held in memory, for the feed's eyes."""

    def __init__(self, clips: int) -> None:
        import pandas as pd

        from fat2019.config.features import FeatureConfig
        from fat2019.store.reader import FlatLogMels
        from fat2019.store.schema import energy_points, offsets

        rng = np.random.default_rng(0)
        self.path, self.config = "random", FeatureConfig()
        frames = rng.integers(*SIZES[clips], clips, endpoint=True)
        self.clips = pd.DataFrame({"split": np.full(clips, "curated"), "frames": frames})
        self.labels = (rng.random((clips, _CLASSES), np.float32) < 1.2 / _CLASSES).astype(np.uint8)
        frame_offset = offsets(frames.tolist())
        energy_offset = offsets([energy_points(count, self.config) for count in frames.tolist()])
        self._log_mels = FlatLogMels(
            _random_bytes(rng, int(frame_offset[-1]), self.config.mel_bands),
            frame_offset,
            _random_energy(rng, int(energy_offset[-1])),
            energy_offset,
            np.zeros((clips, 2), np.float32),
        )

    def read_log_mels(self, indices: npt.NDArray[np.int64]) -> Any:
        """All of them, which is all that is asked for: what is measured begins when they have been read."""
        return self._log_mels


def _random_energy(rng: np.random.Generator, points: int) -> npt.NDArray[np.int64]:
    """``(points,)``, rising."""
    from fat2019.store.reader import aligned

    energy = aligned((points,), np.dtype(np.int64))
    return np.cumsum(rng.integers(0, 1 << 30, points), out=energy)


def _peak_memory() -> int:
    """Bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def _random_bytes(rng: np.random.Generator, frames: int, bands: int) -> npt.NDArray[np.uint8]:
    """``(frames, bands)``."""
    from fat2019.store.reader import aligned

    array = aligned((frames, bands), np.dtype(np.uint8))
    for first in range(0, frames, _FRAMES_AT_ONCE):
        block = array[first : first + _FRAMES_AT_ONCE]
        block[:] = np.frombuffer(rng.bytes(block.size), np.uint8).reshape(block.shape)
    return array


def _warm_up_tensorflow() -> None:
    """What TensorFlow takes for itself, in time and memory, whatever the size of the store."""
    import tensorflow as tf

    compiled = tf.function(lambda i: i + 1, jit_compile=True)
    next(iter(tf.data.Dataset.range(4).map(compiled, num_parallel_calls=2).batch(2)))
