"""Stores to measure on: a small one made for the purpose, and any one repeated to the size of the real data set."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.data.synthesis import make_data_set
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore, FlatLogMels, LogMelFile

REAL_TRAINING_CLIPS = 24_785  # curated and noisy clips of FSDKaggle2019


def synthetic_store(folder: Path) -> Path:
    """Make sounds and build a store of both formats from them; its folder."""
    make_data_set(folder / "sounds", curated=240, noisy=240, test=8)
    build_features(find_data_set(folder / "sounds"), folder / "features", FeatureConfig(), formats=("hdf5", "tfrecord"))
    return folder / "features"


class RepeatedStore:
    """A store whose clips come again and again, for the feed's eyes: as many as asked for, each in memory anew.

    What does not fit the caches of a processor is slower, so a small store held in memory would flatter everyone.
    Streaming reads the same files over and over, from the system's page cache.
    """

    def __init__(self, store: FeatureStore, clips: int = REAL_TRAINING_CLIPS) -> None:
        """
        Args:
            store: whose training clips are repeated.
            clips: training clips wanted.
        """
        self._store = store
        training = np.flatnonzero(store.clips["split"].to_numpy() != "test")
        copies = -(-clips // len(training))
        self.path, self.config, self.manifest = store.path, store.config, store.manifest
        self.clips = pd.concat([store.clips] * copies, ignore_index=True)
        self.labels = np.tile(store.labels, (copies, 1))
        # (clips,), indices into ``self.clips``
        self.training = (training + len(store.clips) * np.arange(copies)[:, None]).ravel()[:clips]
        self.log_mels = store.read_log_mels(self.training % len(store.clips))

    def read_log_mels(self, indices: npt.NDArray[np.int64]) -> FlatLogMels:
        """Those of the training clips, the same arrays for everyone."""
        if not np.array_equal(indices, self.training):
            raise ValueError("indices: expected those of all training clips")
        return self.log_mels

    def log_mel_files(self) -> list[LogMelFile]:
        """See :meth:`fat2019.store.reader.FeatureStore.log_mel_files`."""
        own = len(self._store.clips)
        return [
            file._replace(first_clip=file.first_clip + copy)
            for copy in range(0, len(self.clips), own)
            for file in self._store.log_mel_files()
        ]

    def facts(self) -> dict[str, int]:
        """Its size."""
        return {
            "own_clips": len(self._store.clips),
            "clips": len(self.training),
            "log_mel_bytes": self.log_mels.log_mel.nbytes,
        }
