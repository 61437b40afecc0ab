"""Backbones that are built once for many tests, and random weights of YAMNet in Google's layout."""

import functools

import keras
import numpy as np
import pytest

from tests.models.building import FUNCTIONS
from tests.oracles import yamnet as oracle


@pytest.fixture
def built_once(monkeypatch, shared_backbones):
    """Backbones are slow to build, and many tests need no fresh one."""
    for function in FUNCTIONS.values():
        monkeypatch.setattr(keras.applications, function, shared_backbones[function])


@pytest.fixture(scope="session")
def shared_backbones():
    def cached(function):
        @functools.cache
        def once(input_shape, name):
            return function(weights=None, include_top=False, input_shape=input_shape, name=name)

        return lambda *, weights, include_top, input_shape, name: once(input_shape, name)

    return {function: cached(getattr(keras.applications, function)) for function in FUNCTIONS.values()}


@pytest.fixture(scope="session")
def yamnet_arrays():
    """As ``(layer, array, values)``, in the network's order. Shared: no test may write into them."""
    arrays = oracle.random_weights(np.random.default_rng(0))
    for _, _, values in arrays:
        values.flags.writeable = False
    return arrays


@pytest.fixture(scope="session")
def yamnet_weights(yamnet_arrays, tmp_path_factory):
    """The file of these arrays, by the name that Google's has."""
    path = tmp_path_factory.mktemp("weights") / "yamnet.h5"
    oracle.write_as_google_does(path, yamnet_arrays)
    return path
