"""Stores that version 0.1.0 wrote open, are verified and are repaired to the same bytes."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.store.builder import build_features
from fat2019.store.manifest import read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.faults.sounds import contents

ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "v0.1.0"
FORMATS = ("hdf5", "tfrecord")
CLASSES = ("Beep", "Buzz", "Hum")
COUNTS = {"curated": 9, "noisy": 6, "test": 3}
FOLDERS = {"curated": "train_curated", "noisy": "train_noisy", "test": "test"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clips of the artefacts."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(2019)
    for split, count in COUNTS.items():
        (root / FOLDERS[split]).mkdir()
        rows = [write_clip(root / FOLDERS[split] / f"{split}{index}.wav", index, rng) for index in range(count)]
        if split == "test":
            write_table(root / "sample_submission.csv", ("fname", *CLASSES), [(name, 0, 0, 0) for name, _ in rows])
        else:
            write_table(root / f"train_{split}.csv", ("fname", "labels"), rows)
    return find_data_set(root)


def write_clip(path, index, rng):
    samples = int(rng.integers(3_000, 9_000))
    square = np.where(np.arange(samples) // (5 + 7 * (index % 3)) % 2, 9_000, -9_000) + rng.integers(-900, 900, samples)
    soundfile.write(path, square.astype(np.int16), 16_000, subtype="PCM_16")
    os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    labels = {CLASSES[index % 3], *([CLASSES[(index + 1) % 3]] if index % 4 == 3 else [])}
    return path.name, ",".join(sorted(labels))


def write_table(path, *rows):
    header, others = rows
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *others])


def build(clips, out, form, **options):
    return build_features(clips, out, FeatureConfig(), formats=(form,), workers=1, clips_a_shard=8, **options)


@pytest.mark.parametrize("form", FORMATS)
def test_an_old_store_is_sound_and_holds_its_clips(form):
    folder = ARTEFACTS / f"store-{form}"
    assert verify(folder, deep=True) == []
    store = FeatureStore.open(folder)
    assert store.clips["split"].value_counts().to_dict() == COUNTS
    assert {*store.vocabulary.names} == {*CLASSES}
    flat = store.read_log_mels()
    assert len(flat.log_mel) == store.clips["frames"].sum()
    assert store.log_mel("curated3.wav").shape == (92, 80)


@pytest.mark.parametrize("form", FORMATS)
def test_an_old_store_is_up_to_date_with_its_clips(form, clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store")
    assert build(clips, store, form).up_to_date
    assert contents(store) == contents(ARTEFACTS / f"store-{form}")


@pytest.mark.parametrize("form", FORMATS)
def test_every_shard_of_an_old_store_is_repaired_to_the_bytes_that_it_had(form, clips, tmp_path):
    store = shutil.copytree(ARTEFACTS / f"store-{form}", tmp_path / "store")
    good = contents(store)
    for shard in read_manifest(store).shards:
        for file in shard.files:
            (store / file.name).write_bytes(b"damaged")
    summary = build(clips, store, form, repair=True)
    assert summary.shards_built == 3
    assert contents(store) == good
