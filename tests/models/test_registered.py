"""A network from outside is built by its name, like ours."""

import keras
import pytest

from fat2019.config.model import NETWORKS, ModelConfig
from fat2019.models.networks import build
from fat2019.models.registered import BUILDERS


@pytest.fixture
def mine(monkeypatch):
    def builder(classes, shape):
        images = keras.Input((*shape, 1))
        return keras.Model(images, keras.layers.Dense(classes, activation="sigmoid")(keras.layers.Flatten()(images)))

    monkeypatch.setitem(NETWORKS, "mine", None)
    monkeypatch.setitem(BUILDERS, "mine", builder)


def test_the_registered_builder_gets_classes_and_shape(mine):
    network = build(ModelConfig("mine", weights="none"), 7, (4, 3))
    assert (network.input_shape, network.output_shape) == ((None, 4, 3, 1), (None, 7))
