"""The folder of one training run: what it holds, and how it is opened again.

::

    config.json    what was really used: network, stages, feed, features, vocabulary, recordings' checksum, versions
    split.csv      which clips were trained on and which were held out (fname, split, part, labels)
    history.csv    one row per epoch; validation there is on the max-energy window of each clip
    metrics.json   the scores of the finished run; its presence means that the run is finished
    model.keras    the network of the epoch that was kept of the last stage: the best by validation LWLRAP, or the last
    stage-1.keras  the same of an earlier stage
    logs/          TensorBoard
    judged-2.csv   the confidence of noisy labels in that stage, by the network of the one before (training.cleaning)
    log.txt        what was said
    state/         what a killed run resumes from; removed when it is finished
"""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fat2019.config.features import FeatureConfig, feature_config_from_json
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.utils.files import open_plain, read_json, write_whole

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
        """One row per epoch."""
        import pandas as pd

        with open_plain(self.path / "history.csv") as file:
            return pd.read_csv(file, float_precision="round_trip")

    def last_stage(self) -> "pd.DataFrame":
        """The rows of the history that led to the network."""
        history = self.history()
        return history[history["stage"] == history["stage"].max()]

    def summary(self) -> dict[str, float]:
        """The numbers of a finished run for a table.

        LWLRAP ``train`` and ``validation`` (max-energy windows) are those at the epoch of the network that was kept;
        ``validation_tiled`` is on all windows; ``epochs`` and ``seconds`` are those of all stages.
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

        with open_plain(self.path / "split.csv") as file:
            table = pd.read_csv(file, dtype=str, keep_default_na=False)
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


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Write what the package says meanwhile into the ``log.txt`` of a run's folder as well."""
    if (path / "log.txt").is_symlink():  # which whoever shares the folder could have written through
        raise DataError(f"{path / 'log.txt'}: a link, where a run's log is expected: remove it")
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


def best_path(path: Path, stages: int, stage: int) -> Path:
    """The file of the network that a stage, counted from 0, keeps; the last stage's is the run's."""
    return path / "model.keras" if stage == stages - 1 else path / f"stage-{stage + 1}.keras"


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``history.csv``, whole or not at all."""
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    write_whole(path, "\n".join(lines) + "\n")
