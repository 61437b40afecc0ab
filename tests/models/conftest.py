"""Backbones that are built once for many tests."""

import functools

import keras
import pytest

from tests.models.building import FUNCTIONS


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
