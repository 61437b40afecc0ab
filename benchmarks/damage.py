"""What becomes of damaged and of hostile folders: refused in one line, found, harmless, or what must not be.

    python benchmarks/damage.py [--flips 1000] [--folders 500] [--seed 0] [--json]

A small data set, its stores of either format and a finished run are made. Then

- single bytes of their files are changed at random, one at a time, and everything in them is read: clips, labels,
  log-mels and audio of a store; configuration, history, partition, scores and tags of a run. What differs without a
  word is ``silent``; where nothing differs, ``verify`` may have found it all the same;
- folders are made hostile: values of their JSON are exchanged for others, with checksums that fit again, JSON is nested
  deeply, and files are cut, removed, emptied, exchanged for one another, for folders, links and pipes. They may be
  opened or refused;
- the network of a run is exchanged, with checksums that fit again, for one of 7 outputs, of NaN or infinite weights, or
  for its own graph or weights cut short. What is opened then is ``silent``.

Anything but an error of this project is a ``traceback``; what takes longer than ten seconds is ``hanging``.
"""

import argparse
import collections
import contextlib
import copy
import functools
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from timing import circumstances, markdown

import fat2019
from fat2019.data.synthesis import make_data_set
from fat2019.errors import DataError
from fat2019.runs.checksums import with_digest
from fat2019.runs.run import Run
from fat2019.runs.verify import verify_run
from fat2019.serving.tagger import Tagger
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify

_SECONDS = 10
_OUTCOMES = ("refused", "found by verify", "harmless", "opened", "silent", "hanging", "traceback")
_HOSTILE = (
    None,
    True,
    -1,
    0,
    2**63,
    1e400,
    float("nan"),
    -0.5,
    "",
    "../../x",
    "\x00",
    "a" * 10**6,
    [],
    {},
    [[]] * 1000,
    functools.reduce(lambda inner, _: [inner], range(400), 0),
)
_HOSTILE_LINES = (
    *(b'"', b"\x00", b"\xff\xfe", b"," * 1000, b"x" * 10**6, b""),
    *(b"../../../etc/passwd,Bark", b"=1+1,\xe2\x80\xae"),
)
_FREE = ("log.txt", "report.html", "sources.json", "synthesis.json")  # not read, or looked at to save time alone


class Hanging(Exception):
    """It took too long."""


def main() -> None:
    arguments = _parse()
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as name:
        world = _World(Path(name))
        for kind, outcome in _flips(world, arguments.flips, np.random.default_rng(arguments.seed)):
            counts[f"a byte of a {kind}"][outcome] += 1
        for outcome in _networks(world):
            counts["an exchanged network"][outcome] += 1
        for kind, outcome in _hostile(world, arguments.folders, np.random.default_rng(arguments.seed + 1)):
            counts[f"a hostile {kind}"][outcome] += 1
    rows = [{"": what, **{outcome: of_kind[outcome] for outcome in _OUTCOMES}} for what, of_kind in counts.items()]
    if arguments.json:
        print(json.dumps(circumstances() | {"rows": rows}))
    else:
        print(markdown({name: name for name in ("", *_OUTCOMES)}, rows))
    bad = sum(of_kind[outcome] for of_kind in counts.values() for outcome in ("silent", "hanging", "traceback"))
    sys.exit(1 if bad else 0)


class _World:
    """A data set, its stores and a run of it, and how each is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_data_set(folder / "data", curated=32, noisy=8, test=4)
        self.stores = {}
        for form in ("hdf5", "tfrecord"):
            self.stores[form] = fat2019.build_features(folder / "data", folder / form, formats=(form,), workers=1).path
        options = {"epochs": 1, "width": 2, "validation_share": 0.3}
        self.run = folder / "run"
        fat2019.train(self.stores["hdf5"], "best", run=self.run, **options)
        self.clip = sorted((folder / "data" / "test").glob("*.wav"))[0]

    def scratch(self, folder: Path) -> Path:
        """A copy to be spoilt."""
        copied = self.folder / "spoilt"
        shutil.rmtree(copied, ignore_errors=True)
        return shutil.copytree(folder, copied)


def _read_store(folder: Path) -> str:
    store = FeatureStore.open(folder)
    digest = hashlib.sha256(store.clips.to_csv().encode())
    flat = store.read_log_mels()
    for array in (flat.log_mel, flat.frame_offset, flat.energy, flat.decibel_range, store.labels):
        digest.update(np.ascontiguousarray(array).tobytes())
    for fname in store.clips["fname"]:
        digest.update(store.audio(fname).tobytes())
    return digest.hexdigest()


def _read_run(folder: Path, clip: Path, deep: bool = False) -> str:
    run = Run.open(folder)
    told = [run.metrics, run.history().to_csv(), run.partition().to_csv(), run.vocabulary.names, vars(run.features)]
    digest = hashlib.sha256(repr(told).encode())
    if deep:
        run.model()

    def failed(path: Path, reason: str) -> None:
        raise DataError(reason)

    for tagged in Tagger(run).tag([clip], failed):
        digest.update(np.ascontiguousarray(tagged.scores).tobytes())
    return digest.hexdigest()


def _flips(world: _World, count: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Change a byte, read, change it back."""
    for number in range(count):
        kind = ("hdf5", "tfrecord", "run")[number % 3]
        folder = world.run if kind == "run" else world.stores[kind]
        files = [path for path in _files(folder) if path.name not in _FREE]
        path = files[rng.integers(len(files))]
        place, value = int(rng.integers(path.stat().st_size)), int(rng.integers(1, 256))
        read = _reader(world, kind, deep=path.name.endswith(".keras"))
        before = read(folder)
        _flip(path, place, value)
        outcome = _outcome(lambda: read(folder), before)  # noqa: B023  called at once
        if outcome == "harmless" and (verify_run(folder) if kind == "run" else verify(folder)):
            outcome = "found by verify"
        if outcome in ("silent", "hanging", "traceback"):
            print(f"{outcome}: {kind}: {path.name}: byte {place} ^ {value}", file=sys.stderr)
        _flip(path, place, value)
        yield ("run" if kind == "run" else f"store, {kind}"), outcome


def _reader(world: _World, kind: str, *, deep: bool = False) -> Callable[[Path], str]:
    return (lambda folder: _read_run(folder, world.clip, deep)) if kind == "run" else _read_store


def _files(folder: Path) -> list[Path]:
    """Those that hold something, without TensorBoard's."""
    files = (path for path in folder.rglob("*") if "logs" not in path.parts)
    return sorted(path for path in files if path.is_file() and path.stat().st_size)


def _flip(path: Path, place: int, value: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ value]))


def _outcome(read: Callable[[], str], before: str | None) -> str:
    try:
        with _alarm():
            after = read()
    except DataError:
        return "refused"
    except Hanging:
        return "hanging"
    except Exception as error:  # what is looked for
        print(f"traceback: {type(error).__name__}: {error}", file=sys.stderr)
        return "traceback"
    return "opened" if before is None else "harmless" if after == before else "silent"


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: Any) -> None:
        raise Hanging

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _hostile(world: _World, count: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    kinds = ("hdf5", "tfrecord", "run", "data")
    for number in range(count):
        kind = kinds[number % len(kinds)]
        source = {"run": world.run, "data": world.folder / "data"}.get(kind) or world.stores[kind]
        folder = world.scratch(source)
        what = _spoil(world, kind, folder, rng)
        out = world.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        if kind == "data":
            outcome = _outcome(lambda: str(fat2019.build_features(folder, out, workers=1)), None)  # noqa: B023
        else:
            outcome = _outcome(lambda: _reader(world, kind, deep=True)(folder), None)  # noqa: B023
        if outcome in ("hanging", "traceback"):
            print(f"{outcome}: {kind}: {what}", file=sys.stderr)
        yield {"run": "run", "data": "data set"}.get(kind, f"store, {kind}"), outcome


def _networks(world: _World) -> Iterator[str]:
    """Exchange the network of a run, and see that it is refused."""
    for what, network in _exchanged(world).items():
        folder = world.scratch(world.run)
        (folder / "network.tflite").unlink()  # else that is what tags
        shutil.copy(network, folder / "model.keras")
        stating = json.loads((folder / "checksums.json").read_text())
        stating.pop("sha256", None)
        stating["files"].pop("network.tflite")
        stating["files"]["model.keras"] = hashlib.sha256(network.read_bytes()).hexdigest()
        (folder / "checksums.json").write_text(json.dumps(with_digest(stating), indent=2))
        outcome = _outcome(lambda: _reader(world, "run", deep=True)(folder), None)  # noqa: B023  called at once
        outcome = "silent" if outcome == "opened" else outcome
        if outcome != "refused":
            print(f"{outcome}: network: {what}", file=sys.stderr)
        yield outcome


def _exchanged(world: _World) -> dict[str, Path]:
    """Networks that are none of the run's."""
    import keras

    found, folder = {}, world.folder / "networks"
    folder.mkdir()
    for what, value in (("NaN", np.nan), ("infinite", np.inf)):
        model = Run.open(world.run).model()
        first, *rest = model.get_weights()
        model.set_weights([np.full_like(first, value), *rest])
        model.save(found.setdefault(f"{what} weights", folder / f"{what}.keras"))
    model = Run.open(world.run).model()
    fewer = keras.layers.Dense(7, activation="sigmoid")(model.layers[-2].output)
    keras.Model(model.inputs, fewer).save(found.setdefault("7 outputs", folder / "seven.keras"))
    whole = (world.run / "model.keras").read_bytes()
    for what, part in (("half a file", whole[: len(whole) // 2]), ("another file", b"PK" + whole[2:][::-1])):
        found[what] = folder / f"{what}.keras"
        found[what].write_bytes(part)
    return found


def _spoil(world: _World, kind: str, folder: Path, rng: np.random.Generator) -> str:
    """Spoil a folder in one way; what was done."""
    files = [path for path in _files(folder) if path.name not in _FREE]
    documents = [path for path in files if path.suffix == ".json"]
    if documents and rng.random() < 0.6:
        return _spoil_json(kind, documents[rng.integers(len(documents))], rng)
    tables = [path for path in files if path.suffix == ".csv"]
    if tables and rng.random() < 0.5:
        return _spoil_table(tables[rng.integers(len(tables))], rng)
    return _spoil_file(world, files, rng)


def _spoil_json(kind: str, path: Path, rng: np.random.Generator) -> str:
    value = json.loads(path.read_text())
    value.pop("sha256", None)
    places = list(_places(value))
    way = places[rng.integers(len(places))]
    spoilt, parent = copy.deepcopy(value), None
    node: Any = spoilt
    for step in way:
        parent, node = node, node[step]
    other = _HOSTILE[rng.integers(len(_HOSTILE))]
    if parent is not None:
        parent[way[-1]] = other
    if kind == "run":
        _write_run_json(path, spoilt)
    else:
        path.write_text(_manifest(spoilt))
    return f"{path.name}: {'.'.join(map(str, way))} = {str(other)[:20]!r}"


def _manifest(value: dict[str, Any]) -> str:
    """As a store's is written: its shards in lines, and the sum of all that is before it."""
    dumps = functools.partial(json.dumps, sort_keys=True, separators=(",", ":"))
    shards = value.get("shards")
    listed = "[\n" + ",\n".join(map(dumps, shards)) + "\n]" if isinstance(shards, list) else dumps(shards)
    text = f'{{"header":{dumps(value.get("header"))},\n"shards":{listed},\n'
    return f'{text}"sha256":"{hashlib.sha256(text.encode()).hexdigest()}"}}\n'


def _write_run_json(path: Path, value: dict[str, Any]) -> None:
    editable = ("store",) if path.name == "config.json" else ()
    stated = value if path.name == "metrics.json" else with_digest(value, editable)
    path.write_text(json.dumps(stated, indent=2))
    checksums = path.with_name("checksums.json")
    if path.name == "metrics.json" and checksums.is_file():
        stating = json.loads(checksums.read_text())
        stating.pop("sha256", None)
        stating["files"]["metrics.json"] = hashlib.sha256(path.read_bytes()).hexdigest()
        checksums.write_text(json.dumps(with_digest(stating), indent=2))


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*way, step)
        yield from _places(inner, (*way, step))


def _spoil_table(path: Path, rng: np.random.Generator) -> str:
    lines = path.read_bytes().split(b"\n")
    line = int(rng.integers(len(lines)))
    lines[line] = _HOSTILE_LINES[rng.integers(len(_HOSTILE_LINES))]
    path.write_bytes(b"\n".join(lines))
    return f"{path.name}: line {line + 1} = {lines[line][:20]!r}"


def _spoil_file(world: _World, files: list[Path], rng: np.random.Generator) -> str:
    path, other = files[rng.integers(len(files))], files[rng.integers(len(files))]
    size = path.stat().st_size
    way = rng.integers(9)
    if way == 0:
        path.unlink()
    elif way == 1:
        path.write_bytes(b"")
    elif way == 2:
        os.truncate(path, int(rng.integers(size)))
    elif way == 3:
        path.write_bytes(other.read_bytes())
    elif way == 4:
        path.write_bytes(rng.bytes(size))
    else:
        path.unlink()
        if way == 5:
            path.mkdir()
        elif way == 6:
            os.mkfifo(path)
        elif way == 7:
            path.symlink_to(world.clip)
        else:
            path.symlink_to(path.name)  # a circle
    return f"{path.name}: way {way}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--folders", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
