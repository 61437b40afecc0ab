"""The network that every finished run keeps for use without TensorFlow."""

import keras
import numpy as np
import pytest

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.models.networks import build
from fat2019.runs.graph import TOLERANCE, _convert, open_graph, write_graph

IMAGE = (92, 80, 1)
CONFIGS = [
    ModelConfig("simple", weights="none"),
    ModelConfig("compact", weights="none", frequency_map=True, pooling="attention"),
    ModelConfig("compact", weights="none", standardise=False, pooling="mean+max"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.name} {config.pooling}")
def test_a_graph_scores_as_the_network_does_in_batches_of_any_size(config, tmp_path):
    model = build(config, 5)
    for layer in model.layers:  # statistics as after training
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 0.3)
            layer.moving_variance.assign(layer.moving_variance * 2)
    assert write_graph(model, FeatureConfig(), tmp_path / "network.tflite")
    score = open_graph(tmp_path / "network.tflite", IMAGE, 5)
    for windows in (1, 64, 3):
        images = np.random.default_rng(windows).uniform(0, 255, (windows, 92, 80, 1)).astype(np.float32)
        np.testing.assert_allclose(score(images), model(images, training=False), atol=TOLERANCE)


def test_a_graph_of_a_network_that_levels_its_windows_scores_log_mels_as_it_does(tmp_path):
    model = build(ModelConfig("yamnet", "linear", "none", level_windows=True), 5, (96, 64))
    model.get_layer("scores").set_weights([np.random.default_rng(0).normal(size=(1024, 5)), np.zeros(5)])
    assert write_graph(model, NAMED["yamnet"], tmp_path / "network.tflite")
    score = open_graph(tmp_path / "network.tflite", (96, 64, 1), 5)
    silence = np.full((1, 96, 64, 1), np.log(0.001), np.float32)
    sound = np.random.default_rng(1).uniform(-6.9, 3, (2, 96, 64, 1)).astype(np.float32)
    for windows in (silence, sound):
        np.testing.assert_allclose(score(windows), model(windows, training=False), atol=TOLERANCE)


def test_a_network_that_cannot_be_converted_leaves_no_graph_and_a_line(tmp_path, caplog):
    @keras.saving.register_keras_serializable("test_graph")
    class InPython(keras.layers.Layer):
        def call(self, inputs):
            import tensorflow as tf

            mean = tf.numpy_function(lambda x: x.mean((1, 2, 3))[:, None], [inputs], tf.float32)
            return tf.ensure_shape(mean, (None, 1))

        def compute_output_shape(self, shape):
            return (shape[0], 1)

    image = keras.Input((4, 3, 1))
    (tmp_path / "network.tflite").write_bytes(b"of the run before")
    assert not write_graph(keras.Model(image, InPython()(image)), FeatureConfig(), tmp_path / "network.tflite")
    assert "network.tflite: not written, since the network cannot be converted: " in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_graph_is_named(tmp_path):
    (tmp_path / "network.tflite").write_bytes(b"no graph")
    with pytest.raises(DataError, match=r"network\.tflite: cannot be read as a TensorFlow Lite graph"):
        open_graph(tmp_path / "network.tflite", IMAGE, 5)


def test_a_graph_of_other_classes_or_images_and_one_that_gives_no_numbers_are_refused(tmp_path):
    path, model = tmp_path / "network.tflite", build(CONFIGS[0], 7)
    assert write_graph(model, FeatureConfig(), path)
    with pytest.raises(DataError, match=r"to \(5,\), the run's features and classes, received one .* to \(7,\)"):
        open_graph(path, IMAGE, 5)
    with pytest.raises(DataError, match=r"expected a graph from \(46, 80, 1\)"):
        open_graph(path, (46, 80, 1), 7)
    model.layers[-1].bias.assign(np.full(7, np.nan))
    path.write_bytes(_convert(model))
    with pytest.raises(DataError, match=r"network\.tflite: gives scores that are NaN or infinite"):
        open_graph(path, IMAGE, 7)(np.zeros((2, *IMAGE), np.float32))
