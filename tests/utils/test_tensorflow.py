"""Which backend Keras has, told without loading it."""

import os
import sys
import types

import pytest

from fat2019.errors import DataError
from fat2019.utils.tensorflow import keras_on_tensorflow


def test_another_backend_in_the_environment_gives_way(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras_on_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_keras_that_runs_on_another_backend_already_is_told_in_one_line(monkeypatch):
    keras = types.ModuleType("keras")
    keras.backend = types.SimpleNamespace(backend=lambda: "jax")
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(DataError, match=r"runs on jax; .* set KERAS_BACKEND=tensorflow"):
        keras_on_tensorflow()
