"""How long a command takes to answer: mistakes, what is known without TensorFlow, and tags from a cold start.

    python benchmarks/answers.py RUN STORE FILE [--runs 10] [--files 1000]

Every command is a process of its own and sees the same files cached. Commands are taken in turn, run after run, and the
least time of each counts: whatever else the machine does only adds to it. CPU seconds are user and system.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fat2019.runs.checksums import CHECKSUMS_NAME, with_digest
from fat2019.runs.graph import GRAPH_NAME
from fat2019.utils.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print a table of commands and their times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("store", type=Path, help="a feature store")
    parser.add_argument("file", type=Path, help="an audio file")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--files", type=int, default=1_000, help="to be tagged by one command; 0: none")
    options = parser.parse_args()
    run, store, file = (path.resolve() for path in (options.run, options.store, options.file))

    with tempfile.TemporaryDirectory() as folder:
        commands = [*answers(run, store), ["tag", str(run), str(file)]]
        measured = [[seconds(words, folder) for words in commands] for _ in range(options.runs)]
        print("| command | seconds | CPU seconds |\n|---|--:|--:|")
        for words, times in zip(commands, zip(*measured, strict=True), strict=True):
            wall, cpu = (min(kind) for kind in zip(*times, strict=True))
            print(f"| `{shown(words, (run, store, file))}` | {wall:.2f} | {cpu:.2f} |", flush=True)
        if options.files:
            print(many(run, file, options.files, Path(folder)))


def answers(run: Path, store: Path) -> list[list[str]]:
    """Commands that end before TensorFlow would be loaded: mistakes, lists, looks at what is there."""
    lines = f"""
    --help
    trian
    recipes
    models
    evaluate runs/bset
    tag runs/bset dog.wav
    export runs/bset
    report {run} --out no/where.html
    train --features none
    train --recipe bset
    train --model resnet5O
    train {store} --model resnet50 --weights none.h5
    reproduce table-9
    explore none
    build-features none
    info {store}
    verify {store}
    verify {run}
    """
    return [line.split() for line in lines.strip().splitlines()]


def seconds(words: Sequence[str], folder: str) -> tuple[float, float]:
    """Wall and CPU seconds of one command, given in an empty folder."""
    before, began = used(), time.perf_counter()
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began, used() - before


def used() -> float:
    """CPU seconds of the processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def shown(words: Sequence[str], paths: Sequence[Path]) -> str:
    """A command as the table names it."""
    names = dict(zip(map(str, paths), ("RUN", "STORE", "FILE"), strict=True))
    return " ".join(names.get(word, word) for word in words)


def many(run: Path, file: Path, files: int, folder: Path) -> str:
    """One command for many files, by the run's graph, and by TensorFlow as of a run that keeps none."""
    sounds = folder / "sounds"
    sounds.mkdir()
    for index in range(files):
        shutil.copy(file, sounds / f"{index}{file.suffix}")
    lines = []
    for name, tagged_by in (("the graph", run), ("TensorFlow", without_graph(run, folder / "without"))):
        wall, cpu = seconds(["tag", str(tagged_by), str(sounds)], str(folder))
        lines.append(f"by {name} in {wall:.1f} s ({files / wall:.0f} files/s), CPU {cpu:.1f} s")
    return f"\n`tag RUN` of {files} files: {'; '.join(lines)}"


def without_graph(run: Path, copy: Path) -> Path:
    """A copy of a run as it would be had its network not been converted."""
    shutil.copytree(run, copy)
    (copy / GRAPH_NAME).unlink()
    stated = json.loads((copy / CHECKSUMS_NAME).read_text())
    files = {name: digest for name, digest in stated["files"].items() if name != GRAPH_NAME}
    write_json(copy / CHECKSUMS_NAME, with_digest({"files": files, "network": stated["network"]}))
    return copy


if __name__ == "__main__":
    main()
