"""Fair comparison of things that deliver windows: taken in turn, run after run, and compared within each run.

A machine's speed drifts by more than the differences of interest, so a ratio is formed from figures of the same run,
and its median over the runs is what counts.
"""

import contextlib
import ctypes
import dataclasses
import datetime
import importlib.metadata
import itertools
import multiprocessing
import os
import platform
import re
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import tensorflow as tf

BATCH_WINDOWS = 64
_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent ends
MEASURED_S = 1.5
WARM_UP_S = 0.5  # what was made ahead while others were measured is drawn here, and not counted
_SETTLE_S = 3.0  # once, when a contestant starts: AUTOTUNE looks for its settings
_BETWEEN_LOOKS_S = 0.1  # batches drawn before the clock is read again

Draw = Callable[[int], int]  # takes so many batches, returns the windows in them


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One row of the table."""

    name: str
    draw: Draw


def in_graph(dataset: "tf.data.Dataset") -> Draw:
    """Draw inside one compiled function, as Keras' ``fit`` does with ``steps_per_execution``."""
    import tensorflow as tf

    iterator = iter(dataset)

    @tf.function
    def draw(batches: "tf.Tensor") -> "tf.Tensor":
        windows = tf.constant(0)
        for _ in tf.range(batches):
            images, _ = next(iterator)
            windows += tf.shape(images)[0]
        return windows

    return lambda batches: int(draw(tf.constant(batches)))


def in_python(batches_of: Iterable[tuple[Any, Any]]) -> Draw:
    """Draw by plain iteration."""
    iterator = iter(batches_of)
    return lambda batches: sum(len(images) for images, _ in itertools.islice(iterator, batches))


class InOwnProcess:
    """Contestants in a fresh process: neither the threads nor the heap of one framework slow another down.

    The process and its children are halted while others are measured, since some go on working: workers fetch ahead.
    """

    def __init__(self, make: Callable[..., Sequence[Contestant]], *arguments: Any) -> None:
        """
        Args:
            make: a function of a module, called there.
            arguments: what it is called with.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_measure_on_request, args=(theirs, make, arguments))
        self._process.start()
        theirs.close()  # so that a process that dies is noticed
        self.names: list[str] = self._pipe.recv()
        self._halt()

    def windows_per_s(self, index: int) -> float:
        """Measure the contestant of that place in ``names``."""
        self._go_on()
        self._pipe.send(index)
        rate = float(self._pipe.recv())
        self._halt()
        return rate

    def close(self) -> None:
        """End the process."""
        self._go_on()
        self._pipe.close()
        self._process.join()

    def _halt(self) -> None:
        for process in self._processes():
            process.suspend()

    def _go_on(self) -> None:
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]


def compare(
    groups: Sequence[InOwnProcess], runs: int, wanted: re.Pattern[str], note: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure everyone once in each run.

    Args:
        groups: the first contestant of the first is what the others are compared with.
        runs: how often.
        wanted: matches the names of the others that are measured.
        note: told what is going on.

    Returns:
        One row a contestant, see :func:`row`.
    """
    entries = [(name, group, index) for group in groups for index, name in enumerate(group.names)]
    entries = [entry for entry in entries if entry is entries[0] or wanted.search(entry[0])]
    rates: list[list[float]] = [[] for _ in entries]
    for run in range(runs):
        for (name, group, index), of_this in zip(entries, rates, strict=True):
            of_this.append(group.windows_per_s(index))
            note(f"run {run + 1} of {runs}: {name}: {of_this[-1]:,.0f} windows/s")
    return [row(name, of_this, rates[0]) for (name, _, _), of_this in zip(entries, rates, strict=True)]


def windows_per_s(draw: Draw) -> float:
    """The rate after a warm-up."""
    rough = _rate(draw, 1, WARM_UP_S)
    return _rate(draw, max(1, round(rough * _BETWEEN_LOOKS_S / BATCH_WINDOWS)), MEASURED_S)


def row(name: str, rates: Sequence[float], gather_rates: Sequence[float]) -> dict[str, Any]:
    """Medians and extremes of one contestant's runs, and of its ratios to the gather of the same run."""
    ratios = [rate / gather for rate, gather in zip(rates, gather_rates, strict=True)]
    return {
        "name": name,
        "windows_per_s": round(statistics.median(rates)),
        "windows_per_s_min": round(min(rates)),
        "windows_per_s_max": round(max(rates)),
        "ratio_to_gather": _rounded(statistics.median(ratios)),
        "ratio_min": _rounded(min(ratios)),
        "ratio_max": _rounded(max(ratios)),
    }


def circumstances() -> dict[str, Any]:
    """Date, machine and versions, without which no figure means anything."""
    packages = ("numpy", "tensorflow", "keras", "tensorflow-io", "torch", "grain", "lhotse")
    return {
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python", *sys.argv]),
        "machine": {
            "processor": _processor(),
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version()}
        | {name: version for name in packages if (version := _version(name))},
    }


def markdown(columns: dict[str, str], rows: Iterable[dict[str, Any]]) -> str:
    """A table: the key of each column's values, and its heading; the first column holds words, the rest numbers."""
    lines = [" | ".join(columns.values()), " | ".join([":--", *["--:"] * (len(columns) - 1)])]
    lines += [" | ".join(_cell(each.get(key)) for key in columns) for each in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _measure_on_request(pipe: Any, make: Callable[..., Sequence[Contestant]], arguments: Sequence[Any]) -> None:
    # A halted process cannot notice that its parent was killed, and would stay for ever.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    contestants = make(*arguments)
    for contestant in contestants:
        _rate(contestant.draw, 1, _SETTLE_S)
    pipe.send([contestant.name for contestant in contestants])
    with contextlib.suppress(EOFError):  # the other side has closed
        while True:
            pipe.send(windows_per_s(contestants[pipe.recv()].draw))
    # Interpreters with idle threads of several frameworks do not always end by themselves.
    os._exit(0)


def _rate(draw: Draw, batches: int, seconds: float) -> float:
    windows, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        windows += draw(batches)
    return windows / elapsed


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.3g}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
