"""Two runs on one store."""

import pytest

from tests.run_folders import make_run


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [make_run(folder / str(seed), store, seed=seed, validation=(1, 4, 6, 11)) for seed in range(3)]
