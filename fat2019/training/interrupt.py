"""Ctrl-C and other signals to end during a training, without harm to it."""

import contextlib
from typing import Any, Self

import keras

from fat2019.utils.ending import deferred


class Interrupt(keras.callbacks.Callback):
    """A signal to end, taken between two steps.

    Inside of TensorFlow it would come out as some other error, or the process would not end.
    """

    def __enter__(self) -> Self:
        self._within = contextlib.ExitStack()
        self._stop_if_asked = self._within.enter_context(deferred())
        return self

    def __exit__(self, *error: Any) -> None:
        self._within.__exit__(*error)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop_if_asked()
