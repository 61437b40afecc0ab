"""The folder of one training run: its files, and how to open it.

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
    network.tflite the network alone, for `tag` without TensorFlow (runs.graph)
    checksums.json SHA-256 of the files of the finished run, and the shapes of its network (runs.checksums)
    state/         what a killed run resumes from; removed when it is finished
"""

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fat2019.config.features import FeatureConfig, feature_config_from_json
from fat2019.config.model import NETWORKS
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.models.weights import what_is_wrong
from fat2019.runs.checkpoint import Checkpoint
from fat2019.runs.checksums import read_checksums, require_unchanged
from fat2019.runs.configuration import FORMAT, read_config
from fat2019.runs.graph import GRAPH_NAME, Scorer, open_graph
from fat2019.store.reader import FeatureStore
from fat2019.utils.files import open_plain, read_json, write_whole

if TYPE_CHECKING:
    import keras
    import pandas as pd

log = logging.getLogger(__name__)

LARGE = (".keras", ".tflite")  # files that are compared with their checksums when they are loaded


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

        Small files are compared with their checksums now, the network when it is loaded. Runs of versions without
        checksums open as before.

        Raises:
            DataError: there is no such folder, it is not a run, no epoch has finished yet, or one of its files was
                changed.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"{path}: no such run folder")
        if not (path / "config.json").is_file():
            raise DataError(f"{path}: not a run folder: it has no config.json")
        if not (path / "model.keras").is_file():
            raise DataError(f"{path}: no epoch of this run is finished; run its train command again to resume")
        config = read_config(path)
        if not (path / "metrics.json").is_file():
            log.warning("%s: this run is not finished: its network is that of an epoch before the end", path)
        run = cls._of(path, config)
        for name in run.checksums:
            if not name.endswith(LARGE):
                run.require_unchanged(name)
        return run

    @classmethod
    def _of(cls, path: Path, config: dict[str, Any]) -> "Run":
        try:
            vocabulary = Vocabulary(tuple(_names(config["vocabulary"])))
            features = feature_config_from_json(config["features"]["config"])
            if config["features"]["digest"] != features.digest():
                raise DataError("its features do not match their digest: were they edited?")
            if not isinstance(config["store"], str) or not config["train"]["stages"]:
                raise DataError("the store or the stages are missing")
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path / 'config.json'}: not the configuration of a run: {error!r}") from error
        except DataError as error:
            raise DataError(f"{path / 'config.json'}: {error}") from error
        return cls(path, config, vocabulary, features)

    @functools.cached_property
    def checksums(self) -> Mapping[str, Sequence[str]]:
        """The SHA-256 values that each file of the run may have; empty for a run of an older version.

        An interrupted run may have the network of its last finished epoch or the one before.

        Raises:
            DataError: the file of checksums is missing or was changed.
        """
        if self.config.get("format", 1) < FORMAT:
            return {}
        if (self.path / "metrics.json").is_file():
            return {name: [sha256] for name, sha256 in read_checksums(self.path).items()}
        if not (self.path / "state").is_dir():
            return {}
        return Checkpoint.open(self.path / "state").run_files

    def require_unchanged(self, name: str) -> None:
        """Check that a file is the one that the run wrote; runs of older versions are not checked.

        Raises:
            DataError: it is a different file, or missing.
        """
        if name in self.checksums:
            require_unchanged(self.path / name, self.checksums[name])

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores of a finished run; empty if it is not finished."""
        path = self.path / "metrics.json"
        return read_json(path) if path.is_file() else {}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The network's input shape: frames, mel bands, 1."""
        return self.features.window_frames, self.features.mel_bands, 1

    def model(self) -> "keras.Model":
        """The network of the epoch that was kept.

        Raises:
            DataError: its file cannot be read, is not the one that the run wrote, or does not fit the run.
        """
        import keras

        # These register what the file names.
        import fat2019.models.keras_metric
        import fat2019.models.losses
        import fat2019.models.networks  # noqa: F401

        path = self.path / "model.keras"
        self.require_unchanged(path.name)
        try:
            model = keras.models.load_model(path, compile=False)
        except Exception as error:
            if path.is_file() and (reason := what_is_wrong(path)):
                raise DataError(f"{path}: {reason}") from error
            raise DataError(f"{path}: cannot be read{self._likely()}: {error}") from error
        self._require_fitting(path, model)
        return model

    def _likely(self) -> str:
        """The likely reason that a network cannot be loaded although its file looks intact."""
        registered = self.config.get("registered")
        if registered and registered["network"] not in NETWORKS:
            return f", since network {registered['network']!r} is not registered: import {registered['module']} first"
        return ", perhaps by this version of Keras"

    def _require_fitting(self, path: Path, model: "keras.Model") -> None:
        shapes = (tuple(model.input_shape[1:]), tuple(model.output_shape[1:]))
        wanted = (self.image_shape, (len(self.vocabulary),))
        if shapes != wanted:
            raise DataError(
                f"{path}: expected a network from {wanted[0]} to {wanted[1]}, the run's features and classes, received "
                f"one from {shapes[0]} to {shapes[1]}: is it another run's?"
            )
        for weight in model.weights:
            values = weight.numpy()
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                raise DataError(f"{path}: {weight.path} has weights that are NaN or infinite: the file is unusable")

    @property
    def has_graph(self) -> bool:
        """Whether the run keeps its network in a form that needs no TensorFlow."""
        return GRAPH_NAME in self.checksums

    def graph(self) -> Scorer:
        """The network as a function of images ``(batch, frames, mels, 1)``, without TensorFlow.

        Raises:
            DataError: the run has no graph, or its file was changed or has other images or classes.
        """
        self.require_unchanged(GRAPH_NAME)
        return open_graph(self.path / GRAPH_NAME, self.image_shape, len(self.vocabulary))

    def history(self) -> "pd.DataFrame":
        """One row per epoch.

        Raises:
            DataError: ``history.csv`` cannot be read as such a table.
        """
        return read_table(self.path / "history.csv", ("stage", "epoch"), float_precision="round_trip")

    def last_stage(self) -> "pd.DataFrame":
        """The history of the last stage, which produced the network."""
        history = self.history()
        return history[history["stage"] == history["stage"].max()]

    def summary(self) -> dict[str, float]:
        """The figures of a finished run, for a table.

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
        table = self.partition()
        table = table[table["part"] == "validation"]
        split = "curated" if (table["split"] == "curated").any() else "noisy"
        return split, set(table["fname"][table["split"] == split])

    def partition(self) -> "pd.DataFrame":
        """What each clip was used for: fname, split, part (train or validation), and labels.

        Raises:
            DataError: ``split.csv`` cannot be read as such a table.
        """
        path = self.path / "split.csv"
        table = read_table(path, ("fname", "split", "part"), dtype=str, keep_default_na=False)
        if strange := set(table["part"]) - {"train", "validation"}:
            raise DataError(f"{path}: part: expected train or validation, received {sorted(strange)[0]!r}")
        return table

    def has_recordings_of(self, store: FeatureStore) -> bool:
        """Whether a store has the recordings, names and labels that the run was trained and validated on.

        A run of a version that did not write them down cannot tell, and takes them as the same.
        """
        now = store.content_key(set(self.partition()["split"]))
        return bool(self.config.get("sounds_sha256", now) == now)

    def store(self, path: Path | str | None = None, *, other_recordings: bool = False) -> FeatureStore:
        """The features that the run was trained on, or another store of the same kind.

        Args:
            path: of another store; by default that of the training.
            other_recordings: take a store of other training clips too. Its test clips can be scored, but nothing that
                the run was validated on.

        Raises:
            DataError: the store's vocabulary or features are not the run's, or its recordings are not.
        """
        if path is None and not Path(self.config["store"]).is_dir():
            raise DataError(
                f"{self.config['store']}: the store that {self.path} was trained on no longer exists; "
                "give its new path by --features"
            )
        store = FeatureStore.open(self.config["store"] if path is None else path)
        if store.vocabulary != self.vocabulary:
            raise DataError(
                f"{store.path}: its vocabulary ({len(store.vocabulary)} classes) is not that of the run "
                f"{self.path} ({len(self.vocabulary)} classes): give the store that the run was trained on"
            )
        if store.config.digest() != self.features.digest():
            raise DataError(
                f"{store.path}: its features have other settings than those of the run {self.path}: "
                "give the store that the run was trained on"
            )
        if not other_recordings and not self.has_recordings_of(store):
            raise DataError(
                f"{store.path}: its recordings are not those that the run {self.path} was trained on, though it has "
                "the same classes: was it built again from other files? Give the store of the training by --features"
            )
        return store


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError("the vocabulary is not a list of names")
    return value


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


def read_table(path: Path, columns: Sequence[str], **options: Any) -> "pd.DataFrame":
    """A CSV file of a run.

    Raises:
        DataError: it cannot be read, or lacks one of these columns.
    """
    import pandas as pd

    try:
        with open_plain(path) as file:
            table = pd.read_csv(file, **options)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{path}: cannot be read as CSV: {(str(error).splitlines() or [''])[0]}") from error
    if missing := [name for name in columns if name not in table]:
        raise DataError(f"{path}: it has no column {missing[0]}: is it the file that the run wrote?")
    return table


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``history.csv``, whole or not at all."""
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    write_whole(path, "\n".join(lines) + "\n")
