"""Messages of code in C++."""

import os

import pytest

from fat2019.utils.native import native_messages_dropped


def test_they_are_dropped_and_what_comes_after_is_not(capfd):
    with native_messages_dropped():
        os.write(2, b"INFO: chatter")
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"


def test_they_are_shown_with_the_exception_that_they_may_explain(capfd):
    with pytest.raises(RuntimeError), native_messages_dropped():
        os.write(2, b"E: no memory")
        raise RuntimeError
    assert capfd.readouterr().err == "E: no memory"


def test_a_closed_standard_error_is_left_alone(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with native_messages_dropped():
        pass
