"""The runs of a cross-validation -> a table of their scores with mean and deviation."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fat2019.utils.tables import markdown_table

if TYPE_CHECKING:
    from fat2019.runs.run import Run

_SCORES = {"lwlrap": "LWLRAP", "accuracy": "accuracy"}  # accuracy where every clip held out has one label


def cross_validation(runs: Sequence["Run"]) -> tuple[dict[str, Any], list[str]]:
    """The scores of all folds, as a JSON object and as lines: a row a fold, then the mean and the sample deviation."""
    validations = [run.metrics["validation"] for run in runs]
    names = [name for name in _SCORES if all(name in validation for validation in validations)]
    columns = {name: [validation[name] for validation in validations] for name in names}
    mean = {name: statistics.fmean(column) for name, column in columns.items()}
    deviation = {name: statistics.stdev(column) if len(column) > 1 else 0.0 for name, column in columns.items()}
    rows = [
        [run.path.name, str(validation["clips"]), *(f"{validation[name]:.4f}" for name in names)]
        for run, validation in zip(runs, validations, strict=True)
    ]
    rows.append(["mean", str(sum(validation["clips"] for validation in validations)), *_row(mean)])
    rows.append(["deviation", "", *_row(deviation)])
    table = markdown_table(["fold", "clips", *(_SCORES[name] for name in names)], rows)
    result = {
        "runs": [{"run": str(run.path), **run.metrics} for run in runs],
        "mean": mean,
        "deviation": deviation,
    }
    return result, table.splitlines()


def _row(scores: dict[str, float]) -> list[str]:
    return [f"{score:.4f}" for score in scores.values()]
