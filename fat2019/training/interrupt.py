"""Ctrl-C during a training, without harm to it."""

import signal
import threading
from typing import Any, Self

import keras


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C, taken between two steps; a second one is taken at once.

    Inside of TensorFlow it would come out as some other error, or the process would not end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked = False

    def __enter__(self) -> Self:
        # Whoever has a handler of their own keeps it, and threads other than the first can have none.
        self._ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None:
            self._stop_if_asked()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop_if_asked()

    def _note(self, *_: object) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _stop_if_asked(self) -> None:
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt
