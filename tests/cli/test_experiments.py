"""Many runs, one table, on the command line."""

import json

import pytest

from fat2019.training import trainer as training
from tests.cli.running import failure, ran
from tests.interrupted_training import tiny_network


def test_the_ablation_is_a_table_to_compare(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    command = ["compare", "ablation", "--features", str(store.path), "--out", str(tmp_path)]
    command += ["--row", "best", "--row", "without mixed sounds", "--seeds", "1", "--scale", "0.01"]
    done = ran(*command)
    assert "| without mixed sounds |" in done.stdout and (tmp_path / "table.json").is_file()
    assert json.loads(ran(*command, "--json").stdout)["rows"][1]["against_best"]  # and nothing is trained again


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("reproduce", "table-6.51"), "did you mean table-6.5"),
        (("reproduce", "table-6.1", "--truth", "truth.csv"), "only table-7.1 has"),
        (("compare", "ablate"), "did you mean ablation?"),
        (("compare", "cost", "--row", "simplest"), "there is no 'simplest' in cost"),
        (("compare", "cost", "--truth", "none.csv"), "none.csv: no such file"),
    ],
)
def test_a_table_or_row_that_is_not_there_is_answered_before_anything_is_made(store, tmp_path, given, message):
    assert message in failure(*given, "--features", store.path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sweep_is_a_table_with_a_row_a_run(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    command = ["sweep", "--features", store.path, "--out", tmp_path, "--epochs", 1, "--lr", 1e-2, "--lr", 1e-3]
    assert "| learning_rate |" in ran(*command).stdout
    rows = json.loads(ran(*command, "--json").stdout)["runs"]  # and nothing is trained again
    assert sorted(row["learning_rate"] for row in rows) == [1e-3, 1e-2]
