"""Processes of one thread each, which end with the builder however it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fat2019.store.building.processes import process_pool, signals_for_the_builder

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_threads_of_ours(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")


def test_workers_have_one_thread_each_and_the_builder_keeps_its_own():
    with process_pool(1) as pool:
        found = (
            pool.submit(os.getenv, "OMP_NUM_THREADS").result(),
            pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result(),
        )
    assert found == ("1", "1")
    assert "OMP_NUM_THREADS" not in os.environ and os.environ["OPENBLAS_NUM_THREADS"] == "7"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_nobody_waits_for_workers_of_whose_work_nothing_is_kept(error):
    began = time.monotonic()
    with pytest.raises(error), process_pool(1) as pool:
        pool.submit(int).result()
        with signals_for_the_builder():
            pool.submit(time.sleep, 60)
        raise error
    assert time.monotonic() - began < 30
    assert not multiprocessing.active_children()


def test_workers_of_a_builder_that_was_killed_end_themselves():
    program = "import os, time\nfrom fat2019.store.building.processes import process_pool\n"
    program += "if __name__ == '__main__':\n with process_pool(1) as pool:\n"
    program += "  print(pool.submit(os.getpid).result(), flush=True); time.sleep(60)"
    script = [sys.executable, "-c", program]
    with subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE, text=True) as builder:
        worker = int(builder.stdout.readline())
        builder.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)


def test_signals_of_the_terminal_wait_until_the_processes_are_there():
    with signals_for_the_builder():
        assert {signal.SIGINT, signal.SIGHUP} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_script_that_builds_at_its_top_level_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom fat2019.store.building.processes import process_pool\nprint('begun')\n"
        "with process_pool(2) as pool:\n print(len(list(pool.map(abs, range(-9, 0)))))\nprint(__file__)\n"
    )
    run = subprocess.run(
        [sys.executable, script], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (run.stderr, run.stdout.splitlines()) == ("", ["begun", "9", str(script)])
