"""A build with two worker processes that is told to end, as a terminal does it: all its processes hear of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.store.building.builder import build_features
from fat2019.store.building.journal import JOURNAL_NAME, TEMPORARY_PREFIX
from tests.faults.sounds import contents

ROOT = Path(__file__).parents[2]
RESUME = "Error: interrupted; run the same command again to resume from the last finished shards\n"


@pytest.fixture(scope="module")
def long_sounds(tmp_path_factory):
    """A split with one short clip and one with a recording that takes seconds: one shard is finished long before."""
    root = tmp_path_factory.mktemp("long") / "sounds"
    rng = np.random.default_rng(0)
    for folder, seconds in (("train_curated", 1), ("train_noisy", 1200)):
        (root / folder).mkdir(parents=True)
        sound = np.tile(rng.normal(0, 3000, 16_000).astype(np.int16), seconds)
        soundfile.write(root / folder / f"{folder}.wav", sound, 16_000)
        (root / f"{folder}.csv").write_text(f"fname,labels\n{folder}.wav,Bark\n")
    return root


@pytest.mark.parametrize(
    ("number", "gaps_s", "stuck"),
    [
        (signal.SIGINT, (), True),
        (signal.SIGINT, (0.1,), False),
        (signal.SIGHUP, (0.01,), False),
        (signal.SIGTERM, (0.2, 0.01), False),
    ],
)
def test_a_build_ends_with_its_workers_and_one_line_however_often_it_is_told_to(
    long_sounds, tmp_path, number, gaps_s, stuck
):
    out, temporary = tmp_path / "store", tmp_path / "temporary"
    temporary.mkdir()
    process, workers = _build_with_workers(long_sounds, out, temporary)
    for worker in workers if stuck else ():
        worker.suspend()
    for gap_s in (0, *gaps_s):
        time.sleep(gap_s)
        os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=4)  # sooner than it ends by itself at the latest
    assert (process.returncode, said) == (128 + number, RESUME)
    assert not psutil.wait_procs(workers, timeout=5)[1]
    assert not list(temporary.iterdir()) and not list(out.glob(f"{TEMPORARY_PREFIX}*"))


def test_workers_leave_signals_to_the_builder_also_while_they_are_loading(long_sounds, tmp_path):
    process, workers = _build_with_workers(long_sounds, tmp_path / "store", tmp_path)
    for _ in range(20):
        for worker in workers:
            worker.send_signal(signal.SIGINT)
            worker.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said


def _build_with_workers(sounds, out, temporary):
    """A build in a process of its own, and its two workers, which have just been started."""
    process = subprocess.Popen(
        [sys.executable, "cli.py", "--quiet", "build-features", sounds, "--out", out, "--workers", "2"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # As a terminal starts it: in the background Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while len(workers := _workers(process.pid)) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return process, workers


def _workers(pid):
    return [
        child for child in psutil.Process(pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())
    ]


def test_what_was_ended_resumes_to_the_same_bytes(long_sounds, tmp_path):
    def build(out, progress=None):
        build_features(
            find_data_set(long_sounds), out, FeatureConfig(), workers=2 if progress else 1, progress=progress
        )

    def end(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "ended", end)
    assert (tmp_path / "ended" / JOURNAL_NAME).exists()
    assert not list((tmp_path / "ended").glob(f"{TEMPORARY_PREFIX}*"))
    build(tmp_path / "ended")
    build(tmp_path / "whole")
    assert contents(tmp_path / "ended") == contents(tmp_path / "whole")
