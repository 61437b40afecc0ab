import types
from pathlib import Path

import pytest

from fat2019.scoring.cross_validation import cross_validation


def run(fold, **validation):
    return types.SimpleNamespace(path=Path(f"runs/fold-{fold}"), metrics={"validation": {"clips": 10, **validation}})


def test_the_table_ends_with_mean_and_sample_deviation():
    result, lines = cross_validation([run(1, lwlrap=0.5, accuracy=0.4), run(2, lwlrap=0.7, accuracy=0.8)])
    assert result["mean"] == pytest.approx({"lwlrap": 0.6, "accuracy": 0.6})
    assert result["deviation"] == pytest.approx({"lwlrap": 0.02**0.5, "accuracy": 0.08**0.5})
    assert lines == [
        "| fold | clips | LWLRAP | accuracy |",
        "|---|---:|---:|---:|",
        "| fold-1 | 10 | 0.5000 | 0.4000 |",
        "| fold-2 | 10 | 0.7000 | 0.8000 |",
        "| mean | 20 | 0.6000 | 0.6000 |",
        "| deviation |  | 0.1414 | 0.2828 |",
    ]


def test_a_score_that_only_some_folds_have_is_left_out():
    result, lines = cross_validation([run(1, lwlrap=0.5), run(2, lwlrap=0.7, accuracy=0.8)])
    assert set(result["mean"]) == {"lwlrap"} and "accuracy" not in lines[0]
