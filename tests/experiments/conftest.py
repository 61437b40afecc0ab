"""Trainings that are pretended."""

import pytest

from fat2019.experiments import report_tables as module
from tests.run_folders import make_run


@pytest.fixture
def trained(monkeypatch):
    """In place of training, make runs of random networks; what was asked for is kept here."""
    asked = []

    def pretend(store, config, path, report=None):
        asked.append((path.name, config))
        return make_run(path, store, seed=len(asked), config=config, validation=(0, 1))

    monkeypatch.setattr(module, "train", pretend)
    return asked
