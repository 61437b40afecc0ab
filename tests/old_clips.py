"""The clips that the artefacts of version 0.1.0 were made of."""

import csv
import os

import numpy as np
import soundfile

CLASSES = ("Beep", "Buzz", "Hum")
COUNTS = {"curated": 9, "noisy": 6, "test": 3}
FOLDERS = {"curated": "train_curated", "noisy": "train_noisy", "test": "test"}


def write_clips(root):
    """A data set in Kaggle's layout, the same to the bit whenever it is made."""
    rng = np.random.default_rng(2019)
    for split, count in COUNTS.items():
        (root / FOLDERS[split]).mkdir()
        rows = [_write_clip(root / FOLDERS[split] / f"{split}{index}.wav", index, rng) for index in range(count)]
        if split == "test":
            _write_table(root / "sample_submission.csv", ("fname", *CLASSES), [(name, 0, 0, 0) for name, _ in rows])
        else:
            _write_table(root / f"train_{split}.csv", ("fname", "labels"), rows)
    return root


def _write_clip(path, index, rng):
    samples = int(rng.integers(3_000, 9_000))
    square = np.where(np.arange(samples) // (5 + 7 * (index % 3)) % 2, 9_000, -9_000) + rng.integers(-900, 900, samples)
    soundfile.write(path, square.astype(np.int16), 16_000, subtype="PCM_16")
    os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    labels = {CLASSES[index % 3], *([CLASSES[(index + 1) % 3]] if index % 4 == 3 else [])}
    return path.name, ",".join(sorted(labels))


def _write_table(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
