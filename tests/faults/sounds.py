"""Small data sets of short sounds, for stores that are to be damaged: cheap to build, several shards each."""

import os
from pathlib import Path

import numpy as np
import soundfile

from fat2019.data.data_set import Clip, DataSet
from fat2019.data.vocabulary import Vocabulary
from fat2019.store.building.sources import STAMPS_NAME

VOCABULARY = Vocabulary(("Bark", "Gong", "Meow"))
FOLDERS = {"curated": "train_curated", "noisy": "train_noisy", "test": "test"}
A_SHARD = 3  # clips, so that a few make many shards


def write_sounds(root: Path, curated: int = 10, noisy: int = 5, test: int = 1) -> Path:
    """Sounds of 0.3 to 1.5 s, the same ones whenever this is called; every file has the same time."""
    for split, count in (("curated", curated), ("noisy", noisy), ("test", test)):
        for number in range(count):
            write_sound(root / FOLDERS[split] / f"{split[0]}{number:03d}.wav", seed=number + 1000 * len(split))
    return root


def write_sound(path: Path, seed: int, rate_hz: int = 16_000) -> Path:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = rng.normal(0, 3000, rng.integers(3 * rate_hz // 10, 3 * rate_hz // 2)).astype(np.int16)
    soundfile.write(path, sound, rate_hz, subtype="PCM_16")
    return set_time(path, 1_700_000_000)


def set_time(path: Path, seconds: int) -> Path:
    os.utime(path, (seconds, seconds))
    return path


def data_set(root: Path, splits: tuple[str, ...] = ("curated", "noisy", "test")) -> DataSet:
    """The sounds below ``root``, each with labels that follow from its name."""
    clips = []
    for split in splits:
        for path in sorted((root / FOLDERS[split]).iterdir()):
            number = sum(path.name.encode())
            labels = {VOCABULARY.names[number % 3], VOCABULARY.names[number % 2]} if split != "test" else set()
            clips.append(Clip(path.name, split, path, tuple(sorted(labels)), "Public" if split == "test" else ""))
    return DataSet(root, "kaggle", VOCABULARY, tuple(clips), (), None)


def contents(store: Path) -> dict[str, bytes]:
    """The names and bytes of all files in a store's folder, but for what it notes of this machine's files."""
    return {path.name: path.read_bytes() for path in store.iterdir() if path.name != STAMPS_NAME}
