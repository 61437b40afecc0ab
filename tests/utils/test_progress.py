"""What long work says: a bar with an ETA on a terminal, lines elsewhere, nothing if it is to be quiet."""

import io
import logging
import re
import sys

import pytest

from fat2019.utils import progress as console
from fat2019.utils.progress import progress


@pytest.fixture(autouse=True)
def told(caplog):
    """As without ``--quiet``."""
    for logger in ("fat2019", console.PROGRESS_LOG.name):
        caplog.set_level(logging.INFO, logger=logger)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_where_there_is_no_terminal_there_are_plain_lines_with_the_time_left(monkeypatch, capsys):
    clock = iter((0.0, 1.0, 6.0, 7.0, 20.0))  # begun, then at each call
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with progress("clips") as show:
        for done in (1, 3, 4, 10):
            show(done, 10)
    assert capsys.readouterr() == ("", "clips: 3 of 10, about 14 s left\nclips: 10 of 10 in 20.0 s\n")


def test_on_a_terminal_there_is_a_bar_with_an_eta(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("clips") as show:
        show(3, 10)
    said = re.sub(r"\x1b\[[\d;?]*\w", "", sys.stderr.getvalue())  # without colours
    assert re.search(r"clips [━╺]+ +3/10 0:00:0\d ETA ", said)


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_who_wants_it_quiet_is_told_nothing(monkeypatch, caplog, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    caplog.set_level(logging.WARNING, logger=console.PROGRESS_LOG.name)
    with progress("clips") as show:
        show(10, 10)
    assert sys.stderr.getvalue() == ""
