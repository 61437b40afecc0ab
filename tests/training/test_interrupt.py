import os
import signal

import pytest

from fat2019.training.interrupt import Interrupt


@pytest.fixture(autouse=True)
def default_handler():
    """As a terminal starts a program: whoever runs the tests in the background has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler  # as it was left


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("end", [Interrupt.on_train_batch_end, Interrupt.on_epoch_end])
def test_it_is_taken_at_the_end_of_a_step_or_an_epoch(end):
    with Interrupt() as interrupt:
        end(interrupt, 0)
        press()  # and nothing happens here
        with pytest.raises(KeyboardInterrupt):
            end(interrupt, 1)


def test_it_is_taken_at_the_latest_when_the_training_ends():
    with pytest.raises(KeyboardInterrupt), Interrupt():
        press()


def test_who_cannot_wait_presses_twice():
    with pytest.raises(KeyboardInterrupt), Interrupt():
        press()
        press()


def test_a_handler_of_others_stays():
    pressed = []
    signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    with Interrupt() as interrupt:
        press()
        interrupt.on_train_batch_end(0)
    assert pressed == [1]
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    signal.signal(signal.SIGINT, signal.default_int_handler)
