import itertools
import json

import pytest

from fat2019.config.model import ModelConfig
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.experiments import sweep as sweeping
from fat2019.experiments.sweep import sweep
from fat2019.training.callbacks import Diverged
from tests.experiments.pretended import pretend_training
from tests.run_folders import make_run


@pytest.fixture
def trained(monkeypatch):
    return pretend_training(monkeypatch, sweeping)


GRID = {"learning_rate": (1e-2, 1e-3), "optimizer": ("adam", "sgd"), "epochs": (1,)}


def test_a_sweep_trains_every_combination_and_ranks_them(store, tmp_path, trained):
    rows = sweep(store, TrainConfig(), GRID, tmp_path)
    tried = [(config.stages[0].learning_rate, config.stages[0].optimizer) for _, config in trained]
    assert tried == list(itertools.product(GRID["learning_rate"], GRID["optimizer"]))
    assert all(config.stages[0].epochs == 1 for _, config in trained)
    assert len({name for name, _ in trained}) == 4
    assert [row["validation"] for row in rows] == [0.114, 0.113, 0.112, 0.111]  # the stand-ins score more each time
    assert (rows[0]["learning_rate"], rows[0]["optimizer"]) == (1e-3, "sgd") and "epochs" in rows[0]
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0].startswith("| learning_rate | optimizer | LWLRAP train") and lines[2].startswith("| 0.001 | sgd |")
    assert json.loads((tmp_path / "table.json").read_text())["runs"] == rows


def test_options_that_would_change_nothing_are_not_swept(store, tmp_path, trained):
    with pytest.raises(DataError, match="kernel_size: 3 has no effect here"):
        sweep(store, TrainConfig(ModelConfig("compact", weights="none")), {"kernel_size": (3, 5)}, tmp_path)
    assert not trained


def test_a_run_that_diverges_does_not_end_the_sweep(store, tmp_path, monkeypatch):
    def pretend(store, config, path, report=None):
        if config.stages[0].learning_rate == 1e-2:
            raise Diverged("the loss became nan")
        return make_run(path, store, config=config)

    monkeypatch.setattr(sweeping, "train", pretend)
    rows = sweep(store, TrainConfig(), {"learning_rate": (1e-2, 1e-3)}, tmp_path)
    assert [row["learning_rate"] for row in rows] == [1e-3, 1e-2] and rows[1]["error"] == "the loss became nan"
    assert "| 0.01 | – | diverged |" in (tmp_path / "table.md").read_text()


def test_a_bad_value_is_found_before_anything_is_trained(store, tmp_path, trained):
    with pytest.raises(DataError, match="learning_rate: expected a number > 0"):
        sweep(store, TrainConfig(), {"learning_rate": (1e-3, -1.0)}, tmp_path)
    with pytest.raises(DataError, match="no value for optimizer"):
        sweep(store, TrainConfig(), {"optimizer": ()}, tmp_path)
    assert trained == []


def test_no_option_leads_out_of_the_sweeps_folder(store, tmp_path, trained):
    weights = tmp_path / "w.h5"
    sweep(
        store,
        TrainConfig(ModelConfig("mobilenetv2")),
        {"weights": ("none", f"../../{weights}"), "splits": (("curated", "noisy"), ("noisy",))},
        tmp_path,
    )
    assert len(list((tmp_path / "runs").iterdir())) == 4
