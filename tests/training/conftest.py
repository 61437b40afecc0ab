"""A network that trains in no time."""

import pytest

from fat2019.training import trainer as training
from tests.interrupted_training import tiny_network


@pytest.fixture
def tiny(monkeypatch):
    """A smaller network in place of every other: where any will do, TensorFlow prepares it in less time."""
    monkeypatch.setattr(training, "build", tiny_network)
