"""The clips of a run: which of a store's are trained on, towards which labels, and which are held out."""

import csv
import dataclasses
import io
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from fat2019.config.training import TrainConfig
from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.groups import joined_groups
from fat2019.data.split import folds, split_indices
from fat2019.errors import DataError
from fat2019.store.copies import copy_of, describe_copies
from fat2019.store.near_copies import near_copy_of
from fat2019.store.reader import FeatureStore
from fat2019.training.cleaning import read_judged
from fat2019.utils.files import write_whole
from fat2019.utils.printable import counted

log = logging.getLogger(__name__)


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
        copies = copy_of(store)
        splits = store.clips["split"].to_numpy()
        groups = joined_groups(store.clips["group"].tolist(), copies, *_near_copies(store, config, splits))
        if line := describe_copies(store, copies):
            log.info("%s", line)
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
            if split not in validated and split == "curated" and config.spare_validation:
                later = dataclasses.replace(config, folds=0, fold=1)
                clips = clips[_trained_and_held_out(store, clips, copies[clips], groups[clips], later)[0]]
            if split in validated:
                train, validation = _trained_and_held_out(store, clips, copies[clips], groups[clips], config)
                partition.validation[split], clips = clips[validation], clips[train]
            if split in trained:
                left_out = training_labels(store, Path(config.relabel) if config.relabel else None)[1]
                partition.train[split] = _share(clips[~left_out[clips]], config)
        return partition._without_what_is_held_out(groups)

    def _without_what_is_held_out(self, groups: npt.NDArray[np.int64]) -> "Partition":
        """Without the training clips of one kind that belong together with clips held out of another."""
        train = {}
        for split, clips in self.train.items():
            others = [held_out for other, held_out in self.validation.items() if other != split]
            both = np.isin(groups[clips], groups[np.concatenate(others)]) if others else np.zeros(len(clips), bool)
            if both.any():
                log.warning(
                    "not trained on: %s, copies of held-out clips or in their groups",
                    counted(both.sum(), f"{split} clip"),
                )
            train[split] = clips[~both]
        return dataclasses.replace(self, train=train)

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
                f"{path}: the clips of {store.path} or their labels have changed since this run began; "
                "give another folder for a new run"
            )

    def equals(self, path: Path, store: FeatureStore) -> bool:
        """Whether a ``split.csv`` has these clips with these labels."""
        return path.read_text(encoding="utf-8", errors="replace") == self.table(store)


def _near_copies(
    store: FeatureStore, config: TrainConfig, splits: npt.NDArray[np.object_]
) -> list[npt.NDArray[np.int64]]:
    """For each clip one that it is to stand beside, where the configuration wants that."""
    if config.near_copies == "say":
        return []
    near = near_copy_of(store, np.flatnonzero(splits != "test"))
    log.info("near copies: %s kept on the same side as another", counted((near != np.arange(len(near))).sum(), "clip"))
    return [near]


def training_labels(
    store: FeatureStore, judgement: Path | None, clips: npt.NDArray[np.int64] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """What all clips are trained towards ``(clips, classes)``, and which are left out ``(clips,)``.

    ``judgement`` must have the noisy clips ``clips``, by default all of the store.
    """
    if judgement:
        return read_judged(judgement, store, clips)
    return store.labels.astype(np.float32), np.zeros(len(store.clips), bool)


def _trained_and_held_out(
    store: FeatureStore,
    clips: npt.NDArray[np.int64],
    copies: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    config: TrainConfig,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of ``clips``, all of one split, to train on, and to validate on."""
    labels, split = store.labels[clips], store.clips["split"].iloc[clips[0]]
    if config.folds:
        validation = folds(labels, config.folds, config.seed, groups)[config.fold - 1]
        return np.setdiff1d(np.arange(len(labels)), validation), validation
    own = store.clips["fold"].to_numpy()[clips]
    if config.validate_on_fold or (own == VALIDATION_FOLD).any():
        return _own_fold_held_out(own, copies, groups, config.validate_on_fold or VALIDATION_FOLD)
    method: Literal["iterative", "plain"] = "iterative" if split == "curated" else "plain"
    return split_indices(
        labels, method=method, validation_share=config.validation_share, seed=config.seed, groups=groups
    )


def _own_fold_held_out(
    own: npt.NDArray[np.object_], copies: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], fold: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to train on, and to validate on, where the data set says itself which those are."""
    held_out = own == fold
    if not held_out.any() or held_out.all():
        there = ", ".join(own_folds(own)) or "none"
        raise DataError(f"validate_on_fold: expected one of the data set's own folds ({there}), received {fold!r}")
    again = np.isin(copies, copies[held_out]) & ~held_out
    if again.any():
        log.warning("not trained on: %s, copies of held-out clips", counted(again.sum(), "clip"))
    # The folds are the data set's own, and scores are compared by them: a group astride is said, and stays.
    astride = np.isin(groups, groups[held_out]) & ~held_out & ~again
    if astride.any():
        log.warning("fold %s: %s to train on from groups of held-out clips", fold, counted(astride.sum(), "clip"))
    return np.flatnonzero(~held_out & ~again), np.flatnonzero(held_out)


def own_folds(folds: Iterable[str]) -> list[str]:
    """The data set's own folds by name, numbers in their order; without the clips that are in none."""
    return sorted(set(folds) - {""}, key=lambda name: (len(name), name) if name.isdecimal() else (1 << 16, name))


def _share(clips: npt.NDArray[np.int64], config: TrainConfig) -> npt.NDArray[np.int64]:
    count = max(1, round(config.clip_share * len(clips)))
    return np.sort(np.random.RandomState(config.seed).permutation(clips)[:count])
