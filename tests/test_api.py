"""What ``fat2019`` offers to those who import it."""

import subprocess
import sys
import types
import warnings

import keras
import numpy as np
import pytest

import fat2019
from fat2019.config.model import ModelConfig
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from tests.run_folders import make_run
from tests.run_folders import tiny_network as random_network
from tests.short_training import SMALL, Stage


def test_every_public_name_is_there_and_has_a_docstring():
    assert set(fat2019.__all__) <= set(dir(fat2019))
    for name in fat2019.__all__:
        assert name == "__version__" or getattr(fat2019, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'Tagger'"):
        fat2019.Tagger  # noqa: B018


def test_importing_the_package_loads_no_other_library():
    program = "import sys; before = set(sys.modules); import fat2019; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    outside = {name.split(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert outside == {"fat2019"}


@pytest.mark.parametrize(
    ("flags", "loaded", "setting", "warned"),
    [
        (set(), True, None, True),
        ({"avx512_vnni"}, True, None, False),
        (set(), True, "0", False),
        (set(), False, None, False),
    ],
)
def test_tensorflow_loaded_too_early_is_told_where_it_costs_speed(monkeypatch, flags, loaded, setting, warned):
    monkeypatch.setattr(fat2019, "_processor_flags", lambda: flags)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if setting:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", setting)
    if loaded:
        monkeypatch.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
    else:
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fat2019._switch_onednn_on()
    assert [str(one.message).split(":")[0] for one in said if one.category is RuntimeWarning] == (
        ["TensorFlow was loaded before fat2019, and so without oneDNN, which takes about half the speed"] * warned
    )


def test_a_run_is_loaded_and_tags_a_file(store, tiny_data, tmp_path):
    made = make_run(tmp_path / "run", store, stated=True)
    run = fat2019.load(str(made.path))
    path = tiny_data / "test" / "test00.wav"
    tags, scores = run.tag(str(path), top=3), run.scores(path)
    assert [name for name, _ in tags] == [run.vocabulary.names[index] for index in np.argsort(-scores)[:3]]
    assert run.path == made.path and run.metrics == made.metrics and run.model().output_shape == (None, 5)
    with pytest.raises(DataError, match=r"missing\.wav"):
        run.tag(tmp_path / "missing.wav")


def test_a_folder_becomes_a_store(tiny_data, store, tmp_path):
    built = fat2019.build_features(str(tiny_data), str(tmp_path / "store"), workers=1)
    assert built.labels.shape == store.labels.shape
    with pytest.raises(DataError, match=r"config: expected one of report, .* received 'reports'"):
        fat2019.build_features(tiny_data, tmp_path / "other", "reports")


@pytest.fixture
def registered(unregistered):
    """A network and a recipe from outside."""

    def builder(classes, input_shape):
        return random_network(*input_shape, classes)

    fat2019.register_network("mine", builder)
    fat2019.register_recipe("short", TrainConfig(ModelConfig("mine"), (Stage(epochs=1, feed=SMALL),)))
    return builder


def test_a_network_and_a_recipe_from_outside_are_trained_resumed_and_loaded(registered, store, tiny_data, tmp_path):
    run = fat2019.train(str(store.path), "short", run=str(tmp_path / "run"), learning_rate=1e-2)
    assert run.metrics["epochs"] == 1
    again = fat2019.train(store, "short", run=tmp_path / "run", learning_rate=1e-2)
    assert again.metrics == run.metrics
    assert len(fat2019.load(tmp_path / "run").tag(tiny_data / "test" / "test00.wav")) == 5


def test_names_of_ours_are_not_taken_by_others(registered):
    with pytest.raises(DataError, match="network: 'simple' already exists"):
        fat2019.register_network("simple", registered)
    with pytest.raises(DataError, match="recipe: 'best' already exists"):
        fat2019.register_recipe("best", TrainConfig())
    fat2019.register_network("mine", registered)  # as when a notebook's cell is run again


def test_a_network_of_other_shapes_is_refused(store, tmp_path, registered):
    fat2019.register_network("mine", lambda classes, shape: random_network(*shape, classes + 1))
    with pytest.raises(DataError, match=r"network mine: expected shapes \(None, 92, 80, 1\) to \(None, 5\), received"):
        fat2019.train(store, "short", run=tmp_path / "run")


def test_an_option_that_does_not_exist_is_refused_with_the_near_one(store):
    with pytest.raises(DataError, match=r"lerning_rate: no such option \(did you mean 'learning_rate'\?\)"):
        fat2019.train(store, lerning_rate=1.0)


def test_a_run_whose_layers_are_not_registered_says_which_module_has_them(store, tmp_path, monkeypatch):
    made = make_run(tmp_path / "run", store)
    monkeypatch.setitem(made.config, "registered", {"network": "mine", "module": "my_networks"})

    def fail(*_, **__):
        raise TypeError("a layer that nobody knows")

    monkeypatch.setattr(keras.models, "load_model", fail)
    with pytest.raises(DataError, match="since network 'mine' is not registered: import my_networks first"):
        made.model()
