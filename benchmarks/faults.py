"""Signals at random moments over the long commands, and what is left of them: ``python benchmarks/faults.py``.

Each command is started on small data, and hit: by SIGINT, SIGTERM or SIGHUP (once to three times, 10 to 1,000 ms apart,
sent to the process alone or as a terminal does to its whole group), or by SIGKILL. The moment is drawn from the time
that the command takes when nothing hits it. Counted is what must not be: a traceback, a process that lives 10 s longer,
another exit status than 128 + signal (or 0, if all was done by then), more than one line of farewell, a process left,
a temporary file left. After SIGKILL, which lets nobody clean up, files count that are there after the next run to the
end. That run's results are compared with those of one that was never hit: all is a function of (data, seed), so that
any loss shows. `embed` is left out where YAMNet's weights are not in the cache.
"""

import argparse
import csv
import dataclasses
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import soundfile

from fat2019.models.weights import cache

CLI = Path(__file__).parents[1] / "cli.py"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOADED_S = 0.25  # before, Python itself is being loaded, and prints what it does on Ctrl-C
LONGEST_END_S = 10.0
LONGEST_LEFT_S = 5.0  # workers see that the builder was killed when their libraries are loaded
COUNTS = ("traceback", "hanging", "status", "farewell", "processes left", "files left")
RATE_HZ = 16_000
CLASSES = ("Bark", "Hiss", "Knock")


@dataclasses.dataclass(frozen=True)
class Work:
    """A command to be hit, and what its result is known by."""

    name: str
    arguments: tuple[str, ...]
    made: tuple[str, ...]  # files that are functions of data and seed, below the working folder
    share: float  # of all hits
    serves: int | None = None  # at this port, until it is stopped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=60)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", help="some of them, joined by commas")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        works = [work for work in bench.works() if not arguments.commands or work.name in arguments.commands.split(",")]
        rows = [bench.hit(work, *_numbers(work, works, arguments), rng) for work in works]
    print(_table(rows))
    sys.exit(any(row[count] for row in rows for count in (*COUNTS, "lost")))


def _numbers(work: Work, works: list[Work], arguments: argparse.Namespace) -> tuple[int, int]:
    share = work.share / sum(one.share for one in works)
    return round(share * arguments.signals), round(share * arguments.kills)


class Bench:
    """A folder with small data, a store and a run, in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._temporary = folder, folder / "temporary"
        self._temporary.mkdir()
        self._left_before: set[Path] = set()
        self._environment = {
            **os.environ,
            "TMPDIR": str(self._temporary),
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_NUM_INTEROP_THREADS": "1",
        }
        _write_data(folder / "data", seconds=2.0, clips=24)
        _write_data(folder / "long", seconds=120.0, clips=16)
        self._run("build-features", "data", "--out", "store", "--workers", "1")
        self._run(*_train("run", 1))

    def works(self) -> Iterator[Work]:
        """All commands; those without TensorFlow are hit more often, being started in no time."""
        build = ("build-features", "long", "--out", "built", "--workers", "2")
        yield Work("build-features", build, ("built/manifest.json",), 3)
        yield Work("train", _train("trained", 4), ("trained/split.csv", "trained/history.csv:4"), 1.5)
        yield Work("predict", ("predict", "run", "--out", "submission.csv"), ("submission.csv",), 1)
        yield Work("export", ("export", "run", "--out", "exported"), ("exported.labels.json", "exported/"), 1)
        yield Work("report", ("report", "run", "--out", "report.html"), ("report.html/",), 1)
        recipe = ("--recipe", "simple", "--epochs", "2", "--batch-size", "8")
        relabel = ("relabel", "--features", "store", "--out", "labels.csv", "--work", "work", "--parts", "2", *recipe)
        yield Work("relabel", relabel, ("labels.csv",), 1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        yield Work("serve", ("serve", "run", "--port", str(port)), (), 1, serves=port)
        yield Work("tag", ("tag", "run", "long", "--json"), (), 1)
        yield Work("evaluate", ("evaluate", "run", "--json"), (), 1)
        sweep = ("sweep", "--features", "store", "--out", "swept", "--lr", "1e-3", "--lr", "3e-4", *recipe)
        yield Work("sweep", sweep, ("swept/",), 1)
        section = ("reproduce", "section-6.1", "--features", "store", "--out", "reproduced", "--scale", "0.02")
        history = "reproduced/runs/section-6.1-simple-seed-0/history.csv:4"
        yield Work("reproduce", section, (history,), 1)
        if (cache() / "yamnet.h5").is_file():
            self._run("build-features", "data", "--out", "patches", "--config", "yamnet", "--workers", "1")
            yield Work("embed", ("embed", "patches"), ("patches/embeddings-yamnet/manifest.json",), 1)
        yield Work("explore", ("explore", "store", "--out", "explored.html"), ("explored.html/",), 1)

    def hit(self, work: Work, signals: int, kills: int, rng: random.Random) -> dict[str, object]:
        """Hit a command so many times; a row of the table."""
        began = time.monotonic()
        whole = {} if work.serves else self._made(work)
        seconds = max(LOADED_S, 12.0 if work.serves else time.monotonic() - began)
        row: dict[str, object] = {"command": work.name, "signals": signals, "kills": kills, **dict.fromkeys(COUNTS, 0)}
        hits = [True] * signals + [False] * kills
        rng.shuffle(hits)
        for gentle in hits:
            found = self._signal(work, seconds, rng) if gentle else self._kill(work, seconds, rng)
            for count in found:
                row[count] = int(str(row[count])) + 1
        row["lost"] = int(bool(whole) and self._made(work, anew=False) != whole)
        print(row, file=sys.stderr, flush=True)
        return row

    def _signal(self, work: Work, seconds: float, rng: random.Random) -> set[str]:
        process, log = self._start(work)
        number, to_group = rng.choice(SIGNALS), rng.random() < 0.5
        self._wait(work, process, rng.uniform(LOADED_S, seconds))
        for press in range(rng.randint(1, 3)):
            if press:
                time.sleep(10 ** rng.uniform(-2, 0))
            with suppress(ProcessLookupError):
                (os.killpg if to_group else os.kill)(process.pid, number)
        try:
            process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return self._tell(work, {"hanging"}, log)
        if process.returncode == 0:  # it was finished before: the next one is to begin anew
            self._remove(work)
        said = log.read_text(errors="replace")
        bad = {"traceback"} if "Traceback" in said or "Exception ignored" in said else set()
        interrupted = process.returncode == 128 + number
        # As Python's own end has it: all was done and printed, and a shell reads it as 128 + signal.
        if not interrupted and process.returncode not in (0, -number):
            bad.add("status")
        if interrupted and said.count("Error: interrupted") != 1:
            bad.add("farewell")
        return self._tell(work, bad | self._left(process), log)

    def _kill(self, work: Work, seconds: float, rng: random.Random) -> set[str]:
        process, log = self._start(work)
        self._wait(work, process, rng.uniform(LOADED_S, seconds))
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if process.returncode == 0:
            self._remove(work)
        said = log.read_text(errors="replace")
        return self._tell(
            work, ({"traceback"} if "Traceback" in said else set()) | self._left(process) - {"files left"}, log
        )

    def _wait(self, work: Work, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Until the moment has come; a server has a file uploaded as soon as it takes one."""
        ends, uploaded = time.monotonic() + seconds, False
        while time.monotonic() < ends and process.poll() is None:
            if work.serves and not uploaded:
                uploaded = _upload(work.serves, self._folder / "data" / FOLDER / "curated0.wav")
            time.sleep(0.02)

    def _left(self, process: subprocess.Popen[bytes]) -> set[str]:
        found = set()
        ends = time.monotonic() + LONGEST_LEFT_S
        while others := _session(process.pid):
            if time.monotonic() > ends:
                found.add("processes left")
                for other in others:
                    other.kill()
                break
            time.sleep(0.02)
        if left := set(self._temporary_files()) - self._left_before:
            found.add("files left")
            print(*left, file=sys.stderr)
        return found

    def _temporary_files(self) -> list[Path]:
        halves = [path for path in self._folder.rglob(".*") if path.name.startswith((".tmp-", ".unfinished-"))]
        return [*self._temporary.iterdir(), *halves]

    def _start(self, work: Work) -> tuple[subprocess.Popen[bytes], Path]:
        self._left_before = set(self._temporary_files())  # by one that was killed
        log = self._folder / "log.txt"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(CLI), *work.arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_as_a_terminal_starts_it,
            )
        return process, log

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, str(CLI), *arguments],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)}: exit status {done.returncode}: {done.stdout[-2000:]}")

    def _made(self, work: Work, anew: bool = True) -> dict[str, str]:
        """What a command makes that runs to its end, by SHA-256; then it is removed, if another one is to come."""
        self._run(*work.arguments)
        made = {name: _known_by(self._folder, name) for name in work.made}
        if self._temporary_files():
            made["left"] = str(self._temporary_files())
        if anew:
            self._remove(work)
        return made

    def _remove(self, work: Work) -> None:
        made = {Path(name.split(":")[0]).parts[0] for name in (*work.made, "work")}
        for name in {"patches/embeddings-yamnet"} if work.name == "embed" else made:
            path = self._folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _tell(self, work: Work, found: set[str], log: Path) -> set[str]:
        if found:
            print(work.name, sorted(found), log.read_text(errors="replace")[-1500:], file=sys.stderr, flush=True)
        return found


def _as_a_terminal_starts_it() -> None:
    """A shell's background has Ctrl-C ignored, and nohup SIGHUP; what is ignored stays so in commands."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


FOLDER = "train_curated"


def _train(run: str, epochs: int) -> tuple[str, ...]:
    sizes = ("--epochs", str(epochs), "--batch-size", "8", "--recipe", "simple")
    return ("train", "--features", "store", "--run", run, *sizes)


def _write_data(root: Path, seconds: float, clips: int) -> None:
    rng = np.random.default_rng(0)
    for split, folder in (("curated", FOLDER), ("noisy", "train_noisy"), ("test", "test")):
        (root / folder).mkdir(parents=True)
        rows = []
        for number in range(clips):
            sound = rng.normal(0, 3000, round(seconds * RATE_HZ * rng.uniform(0.5, 1))).astype(np.int16)
            soundfile.write(root / folder / f"{split}{number}.wav", sound, RATE_HZ)
            rows.append((f"{split}{number}.wav", CLASSES[number % len(CLASSES)]))
        table, header = (f"train_{split}.csv", ("fname", "labels"))
        if split == "test":
            table, header = "sample_submission.csv", ("fname", *CLASSES)
            rows = [(name, *("0" for _ in CLASSES)) for name, _ in rows]
        with (root / table).open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])


def _known_by(folder: Path, name: str) -> str:
    """A file's SHA-256; ``NAME/`` is known by being there, ``NAME:4`` by the first four columns of a table."""
    path, _, columns = name.partition(":")
    if name.endswith("/"):
        return str((folder / path).exists())
    text = (folder / path).read_bytes()
    if columns:
        text = b"\n".join(b",".join(line.split(b",")[: int(columns)]) for line in text.splitlines())
    return hashlib.sha256(text).hexdigest()


def _upload(port: int, path: Path) -> bool:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/upload",
        head + path.read_bytes() + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    try:
        with urllib.request.urlopen(request, timeout=1) as answer:
            return bool(json.load(answer))
    except OSError:
        return False


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _table(rows: list[dict[str, object]]) -> str:
    total = {name: sum(int(str(row[name])) for row in rows) for name in rows[0] if name != "command"}
    heads = list(rows[0])
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1)]
    lines += [[str(row[head]) for head in heads] for row in [*rows, {"command": "all", **total}]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
