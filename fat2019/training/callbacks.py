"""An epoch's end: validation, the best network kept, the state committed, the history written.

What was done until then survives a kill at any moment: files are there whole or not at all.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.feed.evaluation import EvaluationWindows
from fat2019.runs.checkpoint import Checkpoint
from fat2019.runs.run import best_path, write_history
from fat2019.scoring.inference import compiled
from fat2019.scoring.metrics import lwlrap
from fat2019.store.reader import FeatureStore
from fat2019.utils.files import whole

EpochCallback = Callable[[dict[str, Any]], None]  # called with the row of history.csv after each epoch


class Diverged(DataError):
    """The loss became NaN or infinite."""


class Validation:
    """Loss and LWLRAP on the max-energy window of each clip: enough to follow the training, for less than all tiles.

    Keras's own validation would divide batches among the devices, which a last batch of few windows does not stand.
    """

    def __init__(self, model: keras.Model, store: FeatureStore, clips: npt.NDArray[np.int64], batch: int) -> None:
        """
        Args:
            model: the network in training.
            store: where the clips are.
            clips: ``(clips,)``, indices into ``store.clips``.
            batch: windows scored at once.
        """
        windows = EvaluationWindows(store.read_log_mels(clips), store.config, windows="max-energy")
        self._batches = windows.dataset(batch)
        self._truth = store.labels[clips].astype(np.float32)
        self._predict = compiled(model)

    def __call__(self) -> dict[str, float]:
        scores = np.concatenate([self._predict(images).numpy() for images, _ in self._batches])  # (clips, classes)
        loss = keras.losses.binary_crossentropy(self._truth, scores).numpy().mean()
        score = lwlrap(self._truth, scores) if np.isfinite(scores).all() else math.nan
        return {"val_loss": float(loss), "val_lwlrap": score}


class EndOfEpoch(keras.callbacks.Callback):
    """Validates, keeps the best epoch or the last, commits the state, writes the history and tells the caller."""

    def __init__(
        self, path: Path, config: TrainConfig, state: Checkpoint, validation: Validation, on_epoch: EpochCallback | None
    ) -> None:
        super().__init__()
        self._path, self._config, self._state, self._on_epoch = path, config, state, on_epoch
        self._validation = validation
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = time.monotonic()
        _seed_dropout(self.model, self._config.seed, self._state.stage, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._require_finite((logs or {})["loss"], f"step {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        state, logs = self._state, logs if logs is not None else {}
        logs.update(self._validation())
        self._require_finite(logs["val_loss"], "validation")
        row = {
            "stage": state.stage + 1,
            "epoch": epoch + 1,
            **{name: float(value) for name, value in logs.items()},
            "seconds": round(time.monotonic() - self._began, 3),
        }
        better = row["val_lwlrap"] > state.best_score
        if better:
            state.best_score, state.best_epoch = row["val_lwlrap"], epoch + 1
        state.rows.append(row)
        state.epoch = epoch + 1
        with whole(state.model_path) as unfinished:
            self.model.save(unfinished)
        sha256 = state.note(state.model_path)
        kept = best_path(self._path, len(self._config.stages), state.stage)
        if better or self._config.stages[state.stage].keep == "last":
            state.note(kept, sha256)
            state.write()
            state.keep(kept)
        else:
            state.write()
        write_history(self._path / "history.csv", state.rows)
        self.model.stop_training = is_out_of_patience(self._config, state)
        if self._on_epoch:
            self._on_epoch(row)

    def _require_finite(self, loss: float, where: str) -> None:
        if not math.isfinite(loss):
            raise Diverged(
                f"{self._path}: the loss became {loss} in stage {self._state.stage + 1}, epoch "
                f"{self._state.epoch + 1}, {where}: try a lower learning rate or gradient clipping"
            )


def is_out_of_patience(config: TrainConfig, state: Checkpoint) -> bool:
    """Whether a stage has gone without a better epoch for as long as it may."""
    return 0 < config.early_stopping_epochs <= state.epoch - state.best_epoch


def _seed_dropout(model: keras.Model, seed: int, stage: int, epoch: int) -> None:
    """Make an epoch's dropout a function of its number, so that a resumed run draws what an unbroken one does."""
    random = np.random.default_rng((seed, stage, epoch))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
            layer.seed_generator.state.assign(random.integers(0, 2**31, 2))
