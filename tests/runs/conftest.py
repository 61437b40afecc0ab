"""A finished run, to be spoilt."""

import shutil

import pytest

from fat2019.runs.run import Run
from tests.run_folders import make_run


@pytest.fixture(scope="module")
def original(store, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", store, validation=(0, 3, 5), stated=True)


@pytest.fixture
def run(original, tmp_path):
    shutil.copytree(original.path, tmp_path / "run")
    return Run.open(tmp_path / "run")
