"""The folder of one training run: what it holds, and how it is opened again.

::

    config.json    what was really used: network, stages, feed, features, vocabulary, recordings' checksum, versions
    split.csv      which clips were trained on and which were held out (fname, split, part, labels)
    history.csv    one row an epoch; validation there is on the loudest window of each clip
    metrics.json   the scores of the finished run; its presence means that the run is finished
    model.keras    the network of the epoch that was kept of the last stage: the best by validation LWLRAP, or the last
    stage-1.keras  the same of an earlier stage
    logs/          TensorBoard
    judged-2.csv   the confidence of noisy labels in that stage, by the network of the one before (training.cleaning)
    log.txt        what was said
    state/         what a killed run goes on from; gone when it is finished
"""

import contextlib
import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fat2019.config.features import FeatureConfig, feature_config_from_json
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.utils.files import clear_unfinished, read_json, write_json, write_whole
from fat2019.utils.lock import RUN_LOCK_NAME

if TYPE_CHECKING:
    import keras
    import pandas as pd

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder that holds a trained network."""

    path: Path
    config: dict[str, Any]
    vocabulary: Vocabulary
    features: FeatureConfig

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """Open a run with at least one finished epoch.

        Raises:
            DataError: there is no such folder, or it is no run, or nothing has been trained in it yet.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"{path}: no such run folder")
        if not (path / "config.json").is_file():
            raise DataError(f"{path}: this is no run folder: it has no config.json")
        if not (path / "model.keras").is_file():
            raise DataError(f"{path}: no epoch of this run is finished; run its train command again to go on")
        config = read_json(path / "config.json")
        if not (path / "metrics.json").is_file():
            log.warning("%s: this run is not finished: its network is that of an epoch before the end", path)
        try:
            return cls(
                path,
                config,
                Vocabulary(tuple(config["vocabulary"])),
                feature_config_from_json(config["features"]["config"]),
            )
        except (KeyError, TypeError) as error:
            raise DataError(f"{path / 'config.json'}: not the configuration of a run: {error!r}") from error

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores of a finished run; empty for one that is not."""
        path = self.path / "metrics.json"
        return read_json(path) if path.is_file() else {}

    def model(self) -> "keras.Model":
        """The network of the epoch that was kept."""
        import keras

        # These register what the file names.
        import fat2019.models.keras_metric
        import fat2019.models.losses
        import fat2019.models.networks  # noqa: F401

        try:
            return keras.models.load_model(self.path / "model.keras", compile=False)
        except Exception as error:
            raise DataError(f"{self.path / 'model.keras'}: cannot be read, perhaps cut short: {error}") from error

    def history(self) -> "pd.DataFrame":
        """One row an epoch."""
        import pandas as pd

        return pd.read_csv(self.path / "history.csv", float_precision="round_trip")

    def last_stage(self) -> "pd.DataFrame":
        """The rows of the history that led to the network."""
        history = self.history()
        return history[history["stage"] == history["stage"].max()]

    def summary(self) -> dict[str, float]:
        """What stands for a finished run in a table.

        LWLRAP ``train`` and ``validation`` (loudest windows) are those of the network's epoch; ``validation_tiled`` is
        on all windows; ``epochs`` and ``seconds`` are those of all stages.
        """
        rows, metrics = self.last_stage(), self.metrics
        kept = self.config["train"]["stages"][-1].get("keep", "best")
        best = rows.iloc[-1 if kept == "last" else int(rows["val_lwlrap"].to_numpy().argmax())]
        return {
            "parameters": metrics["parameters"]["total"],
            "trainable": metrics["parameters"]["trainable"],
            "epochs": metrics["epochs"],
            "seconds": metrics["seconds"],
            "train": float(best["lwlrap"]),
            "validation": float(best["val_lwlrap"]),
            "validation_tiled": metrics["validation"]["lwlrap"],
        }

    def held_out(self) -> tuple[str, set[str]]:
        """The split and the names of the clips that the run was validated on: curated ones, if there are any."""
        import pandas as pd

        table = pd.read_csv(self.path / "split.csv", dtype=str, keep_default_na=False)
        table = table[table["part"] == "validation"]
        split = "curated" if (table["split"] == "curated").any() else "noisy"
        return split, set(table["fname"][table["split"] == split])

    def store(self, path: Path | str | None = None) -> FeatureStore:
        """The features that the run was trained on, or another store of the same kind.

        Raises:
            DataError: the store's vocabulary or features are not the run's.
        """
        if path is None and not Path(self.config["store"]).is_dir():
            raise DataError(
                f"{self.config['store']}: the store that {self.path} was trained on is not there any more; "
                "give its new place by --features"
            )
        store = FeatureStore.open(self.config["store"] if path is None else path)
        if store.vocabulary != self.vocabulary:
            raise DataError(
                f"{store.path}: its vocabulary ({len(store.vocabulary)} classes) is not that of the run "
                f"{self.path} ({len(self.vocabulary)} classes): give the store that the run was trained on"
            )
        if store.config.digest() != self.features.digest():
            raise DataError(
                f"{store.path}: its features were computed otherwise than those of the run {self.path}: "
                "give the store that the run was trained on"
            )
        return store


@dataclasses.dataclass
class Checkpoint:
    """What a run goes on from: as it was at the end of the last finished epoch."""

    folder: Path
    stage: int = 0
    epoch: int = 0  # finished epochs of the stage
    reader: Literal["", "memory", "stream"] = ""  # of the stage's features; another one gives windows in another order
    best_score: float = -math.inf
    best_epoch: int = 0
    seconds_before: float = 0.0  # spent in earlier sittings
    cpu_seconds_before: float = 0.0
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # of history.csv
    _opened: float = dataclasses.field(default_factory=time.monotonic)
    _cpu_opened: float = dataclasses.field(default_factory=time.process_time)

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """The state in a run's ``state`` folder, or that of a run that begins."""
        folder.mkdir(exist_ok=True)
        if not (folder / "state.json").is_file():
            return cls(folder)
        fields = read_json(folder / "state.json")
        best = fields.pop("best_score")
        return cls(folder, best_score=-math.inf if best is None else best, **fields)

    @property
    def model_path(self) -> Path:
        """The network with its optimizer after so many epochs of the stage."""
        return self.folder / f"stage-{self.stage + 1}-epoch-{self.epoch}.keras"

    @property
    def seconds(self) -> float:
        """Time spent on the run, in all sittings."""
        return self.seconds_before + time.monotonic() - self._opened

    @property
    def cpu_seconds(self) -> float:
        """Time of the processor's cores, added up, in all sittings."""
        return self.cpu_seconds_before + time.process_time() - self._cpu_opened

    def write(self) -> None:
        """Commit: from here on a killed run starts after this epoch. Older networks are no longer needed."""
        write_json(
            self.folder / "state.json",
            {
                "stage": self.stage,
                "epoch": self.epoch,
                "reader": self.reader,
                "best_epoch": self.best_epoch,
                "best_score": None if self.best_score == -math.inf else self.best_score,
                "seconds_before": self.seconds,
                "cpu_seconds_before": self.cpu_seconds,
                "rows": self.rows,
            },
        )
        for old in self.folder.glob("stage-*-epoch-*.keras"):
            if old != self.model_path:
                old.unlink()

    def next_stage(self) -> None:
        """Commit that a stage is finished."""
        self.stage, self.epoch, self.reader = self.stage + 1, 0, ""
        self.best_score, self.best_epoch = -math.inf, 0
        self.write()


def begin_or_continue(
    path: Path,
    wanted: dict[str, Any],
    also: dict[str, Any],
    completed: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:
    """Make a run folder with its ``config.json``, or see that the run that is there is the one wanted.

    Args:
        path: the folder.
        wanted: what makes two runs the same.
        also: what else is written down for a new one.
        completed: gives what an older version wrote the fields that have come since.

    Raises:
        DataError: the folder holds another run, or something else.
    """
    path.mkdir(parents=True, exist_ok=True)
    for folder in (path, path / "state"):
        clear_unfinished(folder)
    wanted = json.loads(json.dumps(wanted))  # tuples become lists, as they are in the file
    before = read_json(path / "config.json") if (path / "config.json").is_file() else {}
    is_run = "train" in before  # other programs have a config.json too
    if not is_run and any(entry.name != RUN_LOCK_NAME for entry in path.iterdir()):
        raise DataError(f"{path}: this folder is neither empty nor a run; give another one")
    if is_run and _has_trained(path):
        _require_same(path, completed(before), wanted)
        return
    (path / "split.csv").unlink(missing_ok=True)  # of a command that failed, and is now corrected
    write_json(path / "config.json", {**wanted, **also})


def _require_same(path: Path, before: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = [change for name in wanted for change in _changes(before.get(name), wanted[name], name)]
    if found:
        more = f" and {len(found) - 3} more differences" if len(found) > 3 else ""
        raise DataError(
            f"{path}: this folder holds a run with {', '.join(found[:3])}{more}; give the same "
            "options to go on with it, or another folder for a new one"
        )


def _has_trained(path: Path) -> bool:
    """Whether there is anything to lose: an epoch that is finished, or a network taken over."""
    return (path / "state" / "state.json").is_file() or any(path.glob("*.keras")) or (path / "metrics.json").is_file()


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Write what the package says meanwhile into the ``log.txt`` of a run's folder as well."""
    handler = logging.FileHandler(path / "log.txt", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("fat2019").addHandler(handler)
    try:
        yield
    except DataError as error:  # which whoever catches it says elsewhere
        handler.handle(logging.makeLogRecord({"msg": str(error), "levelname": "ERROR", "levelno": logging.ERROR}))
        raise
    finally:
        logging.getLogger("fat2019").removeHandler(handler)
        handler.close()


def _changes(before: Any, wanted: Any, at: str) -> list[str]:
    """The differing fields, with their path."""
    if isinstance(before, dict) and isinstance(wanted, dict):
        return [
            change
            for key in sorted(before.keys() | wanted.keys())
            for change in _changes(before.get(key), wanted.get(key), f"{at}.{key}")
        ]
    if isinstance(before, list) and isinstance(wanted, list) and len(before) == len(wanted):
        return [
            change
            for index, pair in enumerate(zip(before, wanted, strict=True))
            for change in _changes(*pair, f"{at}[{index}]")
        ]
    return [] if before == wanted else [f"{at} {before!r} instead of {wanted!r}"]


def best_path(path: Path, stages: int, stage: int) -> Path:
    """The file of the network that a stage, counted from 0, keeps; the last stage's is the run's."""
    return path / "model.keras" if stage == stages - 1 else path / f"stage-{stage + 1}.keras"


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``history.csv``, whole or not at all."""
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    write_whole(path, "\n".join(lines) + "\n")
