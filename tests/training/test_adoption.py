"""What a run takes over from another one."""

import dataclasses
import shutil

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.training.adoption import adopt_stages
from fat2019.training.trainer import train
from tests.short_training import TWO_STAGES


def test_a_stage_of_a_run_on_other_clips_is_not_taken_over(finished, store, tmp_path):
    shutil.copytree(finished[0].path, tmp_path / "other")
    with (tmp_path / "other" / "split.csv").open("a") as file:
        file.write("since-removed.wav,noisy,train\n")
    adopt_stages(tmp_path / "run", store, TWO_STAGES, [tmp_path / "other"])
    assert not (tmp_path / "run").exists()


def test_a_stage_taken_over_from_another_run_changes_no_number(finished, store, tmp_path):
    adopt_stages(tmp_path / "run", store, TWO_STAGES, [finished[0].path])
    rows = []
    run = train(store, TWO_STAGES, tmp_path / "run", rows.append)
    assert [row["stage"] for row in rows] == [2, 2, 2]  # the first was not trained again
    columns = ["stage", "epoch", "loss", "lwlrap", "val_loss", "val_lwlrap"]
    assert run.history()[columns].equals(finished[0].history()[columns])
    assert all(
        np.array_equal(a, b) for a, b in zip(run.model().get_weights(), finished[0].model().get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"stages": TWO_STAGES.stages[:1]}, {"stages": (TWO_STAGES.stages[1], TWO_STAGES.stages[1])}],
)
def test_a_stage_of_a_run_configured_otherwise_is_not_taken_over(finished, store, tmp_path, changes):
    adopt_stages(tmp_path / "run", store, dataclasses.replace(TWO_STAGES, **changes), [finished[0].path])
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_cannot_be_read_is_named(finished, store, tmp_path):
    adopt_stages(tmp_path / "run", store, TWO_STAGES, [finished[0].path])
    (tmp_path / "run" / "stage-1.keras").write_bytes(b"cut")
    with pytest.raises(DataError, match=r"stage-1\.keras: is not the file that the run wrote"):
        train(store, TWO_STAGES, tmp_path / "run")
