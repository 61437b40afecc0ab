"""FSDKaggle2019 as Zenodo keeps it (record 3612637), with the labels of the test clips."""

from collections.abc import Sequence
from pathlib import Path

from fat2019.data.label_rows import read_vocabulary
from fat2019.data.layouts._fsdkaggle2019 import Parts, PartsLayout

_PREFIX = "FSDKaggle2019."


class Zenodo(PartsLayout):
    """``FSDKaggle2019.audio_*/`` and ``FSDKaggle2019.meta/``."""

    name = "zenodo"
    looks_like = f"Zenodo's {_PREFIX}audio_train_curated/ with {_PREFIX}meta/train_curated_post_competition.csv"
    parts = Parts(
        folders={
            "curated": f"{_PREFIX}audio_train_curated",
            "noisy": f"{_PREFIX}audio_train_noisy",
            "test": f"{_PREFIX}audio_test",
        },
        tables={
            "curated": f"{_PREFIX}meta/train_curated_post_competition.csv",
            "noisy": f"{_PREFIX}meta/train_noisy_post_competition.csv",
            "test": f"{_PREFIX}meta/test_post_competition.csv",
        },
        classes=f"{_PREFIX}meta/vocabulary.csv",
    )

    def class_names(self, path: Path) -> Sequence[str]:
        """The second column of the vocabulary."""
        return read_vocabulary(path)
