"""Trainings that are pretended."""

import pytest

from fat2019.experiments import report_tables as module
from tests.experiments.pretended import pretend_training


@pytest.fixture
def trained(monkeypatch):
    return pretend_training(monkeypatch, module)
