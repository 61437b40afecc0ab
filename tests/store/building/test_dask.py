"""Building on a real scheduler with two real workers, one of which is killed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

from fat2019.store.building.dask import scheduler_executor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler on loopback, and its two workers' processes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10"}
    processes = [
        _start(
            tmp_path / "scheduler.log", environment, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
    ]
    try:
        address = _wait_for(tmp_path / "scheduler.log", r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)")
        for number in range(2):
            log = tmp_path / f"worker{number}.log"
            processes.append(
                _start(
                    log,
                    environment,
                    "worker",
                    address,
                    "--host",
                    "127.0.0.1",
                    "--nthreads",
                    "1",
                    "--no-nanny",
                    "--no-dashboard",
                    "--local-directory",
                    str(tmp_path),
                )
            )
        for number in range(2):
            _wait_for(tmp_path / f"worker{number}.log", r"(Registered to)")
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_builds_the_store_that_this_machine_builds_though_a_worker_is_killed(cluster, tiny_data, tmp_path):
    address, workers = cluster
    data_set, config = find_data_set(tiny_data), FeatureConfig()
    alone = build_features(data_set, tmp_path / "alone", config, workers=1, clips_a_shard=1)
    killed = threading.Event()

    def kill_one(done, total):
        if not killed.is_set():
            os.kill(workers[0].pid, signal.SIGKILL)
            killed.set()

    with scheduler_executor(address) as executor:
        summary = build_features(
            data_set, tmp_path / "together", config, executor=executor, clips_a_shard=1, progress=kill_one
        )
    assert killed.is_set() and workers[0].wait(10) == -signal.SIGKILL
    assert summary.shards_built == alone.shards_built >= 16  # so that shards were left to be made after the kill
    assert _contents(tmp_path / "together") == _contents(tmp_path / "alone")


def test_an_address_where_nobody_answers_is_named():
    with (
        pytest.raises(DataError, match=r"tcp://127\.0\.0\.1:9: no scheduler answers"),
        scheduler_executor("tcp://127.0.0.1:9"),
    ):
        pass


def _start(log, environment, *command):
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command], env=environment, stdout=output, stderr=subprocess.STDOUT
        )


def _wait_for(log, pattern, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
