"""The processes that make shards, and end when the builder does: by itself, by a signal, or killed."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import resource_tracker
from typing import Any

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextlib.contextmanager
def process_pool(processes: int) -> Iterator[Executor]:
    """So many processes, each on one thread, that end with the builder however it ends."""
    # Spawned, not forked: a fork copies locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    # The process that cleans up after a builder that was killed, and tells of it at length.
    with _variables(PYTHONWARNINGS="ignore"), signals_for_the_builder():
        resource_tracker.ensure_running()
    others = set(multiprocessing.active_children())
    with _variables(**dict.fromkeys(_THREAD_VARIABLES, "1")), _script_hidden():
        pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
        try:
            yield pool
        except Exception:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        except BaseException:  # nobody wants to wait for shards of which nothing is kept
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            pool.shutdown(wait=True)
            raise
        pool.shutdown(wait=True)


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """For processes started within, which read these when they begin (native libraries the number of their threads)."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _script_hidden() -> Iterator[None]:
    """Processes started within do not run the user's script, which needs no ``if __name__ == "__main__"`` then.

    Spawned processes begin by importing it, in case that it defines what they are to call. They call functions of this
    package alone, and a script that builds at its top level would have each of them build again.
    """
    script: dict[str, Any] = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: script[name] for name in ("__file__", "__spec__") if name in script}
    script.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        script.update(hidden)


@contextlib.contextmanager
def signals_for_the_builder() -> Iterator[None]:
    """Processes started within do not hear of Ctrl-C, nor of a terminal that ends: the builder stops them itself.

    They would while they load their libraries if it were left to them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    threading.Thread(target=_end_with_builder, daemon=True).start()


def _end_with_builder() -> None:
    """A builder that was killed can stop nobody."""
    builder = multiprocessing.parent_process()
    if builder is not None:
        builder.join()
        os._exit(1)
