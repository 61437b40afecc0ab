"""A tiny data set of made-up sounds, and the stores built from it, for every test that needs a real store."""

import csv
import dataclasses
import functools
import logging
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

import fat2019  # noqa: F401  (sets up TensorFlow, before a test imports it)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Under nohup, or in a script's background, programs that the tests start would ignore these signals too. A handler,
# unlike SIG_IGN, is not inherited.
for number, handler in ((signal.SIGHUP, lambda *_: None), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=15)  # of `make check`

RATE_HZ = 16_000  # that of the features, so that nothing is resampled
CLASSES = ("Bark", "Bell", "Drip", "Hiss", "Knock")
COUNTS = {"curated": 18, "noisy": 14, "test": 8}
FOLDERS = {"curated": "train_curated", "noisy": "train_noisy", "test": "test"}


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """40 clips of 5 classes in Kaggle's layout: shorter than a window, exactly one, longer; with pauses."""
    root = tmp_path_factory.mktemp("tiny_data")
    rng = np.random.default_rng(0)
    for split, count in COUNTS.items():
        (root / FOLDERS[split]).mkdir()
        rows = []
        for index in range(count):
            fname = f"{split}, {index:02d}.wav" if index == 9 else f"{split}{index:02d}.wav"  # a name to be quoted
            labels = sorted({CLASSES[index % 5], CLASSES[(index * index) % 5]}) if index % 3 else [CLASSES[index % 5]]
            soundfile.write(root / FOLDERS[split] / fname, _sound(rng, index), RATE_HZ, subtype="PCM_16")
            rows.append([fname, ",".join(labels)])
        if split != "test":
            _write_csv(root / f"train_{split}.csv", ["fname", "labels"], rows)
        else:
            _write_csv(root / "sample_submission.csv", ["fname", *CLASSES], [[row[0], *[0] * 5] for row in rows])
    return root


@pytest.fixture(scope="session")
def open_store(tiny_data, tmp_path_factory):
    """``open_store(dtype, config)``: a store of the tiny data set in both formats, built when first asked for."""
    from fat2019.config.features import NAMED
    from fat2019.data.data_set import find_data_set
    from fat2019.store.building.builder import build_features
    from fat2019.store.reader import FeatureStore

    @functools.cache
    def opened(dtype, config="report"):
        out = tmp_path_factory.mktemp("stores") / f"{config}-{dtype}"
        build_features(
            find_data_set(tiny_data),
            out,
            dataclasses.replace(NAMED[config], dtype=dtype),
            formats=("hdf5", "tfrecord"),
            workers=1,
            clips_a_shard=4,
        )
        return FeatureStore.open(out)

    return opened


@pytest.fixture(scope="session")
def store(open_store):
    """The tiny store as stores are by default: uint8."""
    return open_store("uint8")


@pytest.fixture
def unregistered():
    """What a test registers is known to no other."""
    from fat2019.config.model import NETWORKS
    from fat2019.config.recipes import RECIPES
    from fat2019.models.registered import BUILDERS

    before = [(known, dict(known)) for known in (NETWORKS, RECIPES, BUILDERS)]
    yield
    for known, names in before:
        known.clear()
        known.update(names)


@pytest.fixture
def sounds(tmp_path):
    """A folder of sounds to be built, and spoilt."""
    from tests.faults.sounds import write_sounds

    return write_sounds(tmp_path / "sounds")


@pytest.fixture(scope="session")
def finished(store, tmp_path_factory):
    """The run of two stages, the rows that were reported, and what was logged."""
    from fat2019.training import trainer as training
    from tests.interrupted_training import tiny_network
    from tests.short_training import TWO_STAGES

    path, rows, said = tmp_path_factory.mktemp("runs") / "two-stages", [], []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger = logging.getLogger("fat2019")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "build", tiny_network)
        run = training.train(store, TWO_STAGES, path, rows.append)
    logger.removeHandler(handler)
    assert "not finished" not in "\n".join(said)  # that is for others, who use it before its end
    return run, rows, "\n".join(said)


def _sound(rng, index):
    """Bursts of rising and falling loudness over a murmur, int16; some with a pause."""
    samples = (48_000, 9_000, 48_511, 48_512)[index] if index < 4 else int(rng.integers(20_000, 140_000))
    t = np.arange(samples) / RATE_HZ
    loudness = np.interp(t, np.linspace(0, t[-1] + 1, 12), rng.uniform(0.02, 0.5, 12))
    tone = np.sin(2 * np.pi * rng.uniform(200, 4000) * t) * loudness
    sound = (tone + rng.normal(0, 0.02, samples)) * 20_000
    if index % 4 == 0 and index:
        sound[samples // 3 : samples // 2] = 0
    return sound.astype(np.int16)


def _write_csv(path: Path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def browser():
    """A real Chromium whose microphone hears beeps."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("there is no chromium")
    fakes = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *fakes])
        yield opened
        opened.close()
