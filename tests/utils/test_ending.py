"""Programs of a few lines that are told to end: by processes' own signals, so that real handlers are called."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fat2019.utils.ending import deferred

ROOT = Path(__file__).parents[2]
BEGIN = """
import contextlib, logging, multiprocessing, os, signal, sys, time
from pathlib import Path
from fat2019.utils import ending
from fat2019.utils.files import whole

def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(0.01)

ending._SECONDS_TO_END = 0.3
"""


def program(text, *arguments, before=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)):
    """The exit status of a program, what it prints, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(text), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        preexec_fn=before,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_takes_back_what_was_begun_and_is_the_exit_status(name):
    text = f"""
    with ending.signals_taken():
        try:
            press(signal.{name})
        finally:
            print("taken back")
    """
    assert program(text) == (128 + getattr(signal, name), "taken back\n", "Error: interrupted\n")


def test_a_signal_that_comes_while_the_handlers_are_being_installed_is_followed():
    text = """
    import threading
    start = threading.Thread.start
    threading.Thread.start = lambda thread: (start(thread), press())
    with ending.signals_taken():
        print("never")
    """
    assert program(text) == (130, "", "Error: interrupted\n")


def test_a_second_signal_ends_at_once_and_takes_half_written_files_and_children_along(tmp_path):
    text = """
    if __name__ == "__main__":
        ending._SECONDS_TO_END = 60
        with ending.signals_taken(), whole(Path(sys.argv[1]) / "out") as unfinished:
            unfinished.write_text("half")
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
            child.start()
            print(child.pid, flush=True)
            ending.last_words(lambda: "so far")
            try:
                press()
            finally:
                press(signal.SIGTERM)
                time.sleep(600)
    """
    status, child, said = program(text, tmp_path)
    assert (status, said) == (130, "so far\n")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


@pytest.mark.parametrize("lost", ["press()", "with ending.deferred(): press(); time.sleep(600)"])
def test_a_signal_that_comes_to_nothing_ends_at_once_after_a_while(lost):
    text = f"""
    with ending.signals_taken():
        with contextlib.suppress(KeyboardInterrupt):
            {lost}
        time.sleep(600)
    """
    began = time.monotonic()
    assert program(text) == (130, "", "Error: interrupted\n")
    assert time.monotonic() - began < 10


def test_what_falls_over_on_the_way_out_prints_nothing():
    text = """
    import threading
    class Falls:
        def __del__(self):
            raise RuntimeError
    with ending.signals_taken():
        try:
            press()
        finally:
            Falls()
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
    """
    assert program(text) == (130, "", "Error: interrupted\n")


def test_an_exit_status_of_its_own_is_kept_and_a_late_signal_changes_nothing():
    ended = """
    with ending.signals_taken():
        try:
            press()
        except KeyboardInterrupt:
            sys.exit(3)
    """
    assert program(ended) == (3, "", "")
    late = """
    with ending.signals_taken():
        print("done", flush=True)
    press()
    time.sleep(600)
    """
    assert program(late) == (0, "done\n", "")


def test_signals_that_are_ignored_stay_ignored():
    text = """
    with ending.signals_taken():
        press(signal.SIGHUP)
    """
    assert program(text, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) == (0, "", "")


def test_a_deferred_signal_is_raised_when_asked_for_and_at_the_latest_on_leaving():
    text = """
    with ending.signals_taken(), contextlib.suppress(KeyboardInterrupt):
        with ending.deferred() as raise_noted:
            raise_noted()
            press()
            logging.warning("goes on")
            if sys.argv[1] == "asked for":
                raise_noted()
            print("to its end")
        print("never")
    """
    assert program(text, "asked for")[1:] == ("", "WARNING:root:goes on\n")
    assert program(text, "left")[1:] == ("to its end\n", "WARNING:root:goes on\n")


def test_other_threads_have_nothing_to_defer():
    import threading

    results = []

    def work():
        with deferred() as raise_noted:
            results.append(raise_noted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == [None]
