"""Which backend Keras has, told without loading it; what is kept from the terminal of what TensorFlow and it say."""

import logging
import os
import sys
import tempfile
import types

import pytest

from fat2019.errors import DataError
from fat2019.utils.tensorflow import keras_on_tensorflow, load_tensorflow


@pytest.fixture
def loaded(monkeypatch):
    """TensorFlow as a command loads it; its logger is set back."""
    monkeypatch.setattr(logging.getLogger("fat2019"), "level", logging.INFO)
    monkeypatch.setattr("sys.warnoptions", [])
    load_tensorflow()
    import tensorflow as tf

    logger = tf.get_logger()
    before = logger.level
    logger.setLevel(logging.WARNING)
    monkeypatch.setattr(logger, "propagate", True)
    tf.zeros(1)  # drivers have been looked for
    load_tensorflow()
    yield tf
    logger.setLevel(before)


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


@pytest.mark.slow
def test_retracing_is_not_told(loaded, caplog, capfd):
    traced_anew = loaded.function(lambda x, number: x * number)
    for number in range(8):
        traced_anew(loaded.zeros(1), number)
    assert caplog.text == "" and capfd.readouterr().err == ""


@pytest.mark.slow
def test_that_a_data_set_is_not_shuffled_is_not_told(loaded, recwarn, capfd):
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    zeros = loaded.data.Dataset.from_tensors((loaded.zeros((2, 1)), loaded.zeros((2, 1))))
    load_tensorflow()  # after the fixture that shows every warning
    model.fit(zeros, shuffle=True, verbose=0)
    assert not recwarn.list and capfd.readouterr().err == ""


def test_without_a_place_for_temporary_files_that_is_told_before_it_is_loaded(monkeypatch):
    def none():
        raise FileNotFoundError("No usable temporary directory found")

    for name in ("tensorflow", "keras"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(DataError, match="TMPDIR"):
        load_tensorflow()
