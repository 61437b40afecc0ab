"""The clips of a run: which of a store's are trained on, towards which labels, and which are held out."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from fat2019.config.training import TrainConfig
from fat2019.data.split import folds, split_indices
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.training.cleaning import read_judged
from fat2019.utils.files import write_whole


@dataclasses.dataclass(frozen=True)
class Partition:
    """Clip indices of the store, by what they are used for and by split."""

    train: dict[str, npt.NDArray[np.int64]]
    validation: dict[str, npt.NDArray[np.int64]]

    @classmethod
    def of(cls, store: FeatureStore, config: TrainConfig) -> "Partition":
        """Hold out curated clips by iterative stratification, and noisy ones plainly, if a stage is validated on them.

        Raises:
            DataError: the store lacks a kind of clips, or they are too few to be parted.
        """
        trained = {split for stage in config.stages for split in stage.splits}
        validated = {stage.validate_on for stage in config.stages}
        partition = cls({}, {})
        splits = store.clips["split"].to_numpy()
        for split in sorted(trained | validated):
            clips = np.flatnonzero(splits == split)
            if not len(clips):
                if split in trained:
                    raise DataError(
                        f"{store.path}: it has no {split} clips to train on; build them, or give other --splits"
                    )
                raise DataError(
                    f"{store.path}: it has no {split} clips to validate on; build them, or give --validate-on"
                )
            if split in validated:
                train, validation = _trained_and_held_out(store.labels[clips], split, config)
                partition.validation[split], clips = clips[validation], clips[train]
            if split in trained:
                left_out = training_labels(store, Path(config.relabel) if config.relabel else None)[1]
                partition.train[split] = _share(clips[~left_out[clips]], config)
        return partition

    @property
    def splits(self) -> set[str]:
        """Those that have clips of the run."""
        return self.train.keys() | self.validation.keys()

    def table(self, store: FeatureStore) -> str:
        """The text of ``split.csv``: fname, split, part and labels."""
        fnames, labels, text = store.clips["fname"].to_numpy(), store.labels, io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["fname", "split", "part", "labels"])
        for part, by_split in (("train", self.train), ("validation", self.validation)):
            for split, clips in by_split.items():
                table.writerows(
                    (fnames[clip], split, part, ",".join(store.vocabulary.decode(labels[clip]))) for clip in clips
                )
        return text.getvalue()

    def write(self, path: Path, store: FeatureStore) -> None:
        """Write ``split.csv``, or see that the one that is there is the same.

        Raises:
            DataError: it is another one.
        """
        if not path.is_file():
            write_whole(path, self.table(store))
        elif not self.equals(path, store):
            raise DataError(
                f"{path}: the clips of {store.path} or their labels are no longer those that this run began "
                "with; give another folder for a new one"
            )

    def equals(self, path: Path, store: FeatureStore) -> bool:
        """Whether a ``split.csv`` has these clips with these labels."""
        return path.read_text(encoding="utf-8", errors="replace") == self.table(store)


def training_labels(
    store: FeatureStore, judgement: Path | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """What all clips are trained towards ``(clips, classes)``, and which are left out ``(clips,)``."""
    if judgement:
        return read_judged(judgement, store)
    return store.labels.astype(np.float32), np.zeros(len(store.clips), bool)


def _trained_and_held_out(
    labels: npt.NDArray[np.uint8], split: str, config: TrainConfig
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of ``labels`` to train on, and to validate on."""
    if config.folds:
        validation = folds(labels, config.folds, config.seed)[config.fold - 1]
        return np.setdiff1d(np.arange(len(labels)), validation), validation
    method: Literal["iterative", "plain"] = "iterative" if split == "curated" else "plain"
    return split_indices(labels, method=method, validation_share=config.validation_share, seed=config.seed)


def _share(clips: npt.NDArray[np.int64], config: TrainConfig) -> npt.NDArray[np.int64]:
    count = max(1, round(config.clip_share * len(clips)))
    return np.sort(np.random.RandomState(config.seed).permutation(clips)[:count])
