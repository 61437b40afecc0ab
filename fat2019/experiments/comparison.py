"""Trials on the same clips -> one table.

Each trial is trained once per seed, all trials before the next seed, so that a slow hour of the machine affects all of
them. A seed decides the split as well, which is the same for every trial. The table reports LWLRAP on held-out curated
clips, on test clips, and on those of other sets, in tiled windows, and CPU minutes over all cores: means over the seeds
with their standard deviations. Finished runs are kept when the same command is given again.
"""

import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from fat2019.config.overrides import changed
from fat2019.errors import DataError
from fat2019.experiments.ablation import Trial, trials_of
from fat2019.pages.plots import draw_cost
from fat2019.runs.run import Run
from fat2019.scoring.evaluation import is_test_known, lwlrap_on_test, predict_test
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import EpochCallback
from fat2019.training.trainer import train
from fat2019.utils.files import make_folder, write_json, write_whole
from fat2019.utils.tables import markdown_table

log = logging.getLogger(__name__)


TestSet = tuple[FeatureStore, Path | None]  # test clips, and a CSV file of their labels where the store has none


def compare(
    name: str,
    store: FeatureStore,
    out: Path,
    *,
    scale: float = 1.0,
    seeds: int = 3,
    only: Sequence[str] = (),
    truth: Path | None = None,
    others: Sequence[TestSet] = (),
    report: EpochCallback | None = None,
) -> dict[str, Any]:
    """Train the trials of a table, and write it.

    Args:
        name: one of ``ablation.TABLES``.
        store: the features.
        out: gets ``table.md``, ``table.json``, for ``cost`` a figure, and the runs below ``runs``.
        scale: of each stage's epochs.
        seeds: runs of each trial, with the seeds 0, 1, ...
        only: rows to train; all by default.
        truth: CSV (fname,labels) of the test clips' labels, where the store has none.
        others: more test clips to score, of which the table has the mean: what was learnt of clips from elsewhere.
        report: is called after each epoch.

    Returns:
        What ``table.json`` holds, and the table as Markdown under ``markdown``.

    Raises:
        DataError: there is no such table or row, a number is out of range, other test clips cannot be scored,
            or a run cannot be trained.
    """
    trials = trials_of(name, store, scale, only)
    if seeds < 1:
        raise DataError(f"seeds: expected a whole number >= 1, received {seeds}")
    tests = {"test": [(store, truth)] if is_test_known(store, truth) else [], "others": others}
    for other, labels in others:
        if other.vocabulary != store.vocabulary or other.config.digest() != store.config.digest():
            raise DataError(f"{other.path}: it has other classes than {store.path}, or features computed otherwise")
        if not is_test_known(other, labels):
            raise DataError(f"{other.path}: the labels of its test clips are not known; give a CSV file of them")
    make_folder(out)
    measured: dict[str, list[dict[str, float]]] = {trial.row: [] for trial in trials}
    for seed in range(seeds):
        for trial in trials:
            log.info("%s, seed %d", trial.row, seed)
            keras.backend.clear_session()
            path = out / "runs" / f"{trial.folder}-seed-{seed}"
            run = train(store, changed(trial.config, {"seed": seed}), path, report)
            measured[trial.row].append(_measured(run, tests))
        _write(name, store, out, scale, seed + 1, trials, measured)  # after every seed: an unfinished table is one too
    return _write(name, store, out, scale, seeds, trials, measured)


def _measured(run: Run, tests: Mapping[str, Sequence[TestSet]]) -> dict[str, float]:
    return {
        "validation": run.metrics["validation"]["lwlrap"],
        **{name: statistics.mean(_tested(run, *one) for one in sets) for name, sets in tests.items() if sets},
        "cpu_minutes": run.metrics["cpu_seconds"] / 60,
        "minutes": run.metrics["seconds"] / 60,
    }


def _tested(run: Run, store: FeatureStore, truth: Path | None) -> float:
    fnames, scores, _ = predict_test([run.path], features=store.path)
    score = lwlrap_on_test(store, fnames, scores, truth)
    assert score is not None, "that the labels are known was asked before"
    return score


def _write(
    name: str,
    store: FeatureStore,
    out: Path,
    scale: float,
    seeds: int,
    trials: Sequence[Trial],
    measured: Mapping[str, Sequence[Mapping[str, float]]],
) -> dict[str, Any]:
    rows = [_row(trial, measured[trial.row], measured.get("best", ())) for trial in trials]
    result = {
        "table": name,
        "scale": scale,
        "seeds": seeds,
        "clips": store.clips["split"].value_counts().to_dict(),
        "rows": rows,
    }
    if name == "cost":
        result["figure"] = str(draw_cost(out / "cost", _curves(rows), "LWLRAP on test against the cost of training")[0])
    markdown = to_markdown(rows)
    write_json(out / "table.json", result)
    write_whole(out / "table.md", markdown)
    return {**result, "markdown": markdown}


def _row(trial: Trial, of_seeds: Sequence[Mapping[str, float]], best: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means and deviations; and against ``best``, of the differences with the same seed."""
    names = of_seeds[0]
    row: dict[str, Any] = {
        "row": trial.row,
        "curve": trial.curve,
        "epochs": [stage.epochs for stage in trial.config.stages],
        "runs": [dict(one) for one in of_seeds],
        "mean": {name: statistics.mean(one[name] for one in of_seeds) for name in names},
        "deviation": {name: _deviation([one[name] for one in of_seeds]) for name in names},
    }
    if best and trial.row != "best" and not trial.curve:
        row["against_best"] = {}
        for name in [name for name in ("test", "others") if name in names] or ["validation"]:
            differences = [own[name] - theirs[name] for own, theirs in zip(of_seeds, best, strict=True)]
            row["against_best"][name] = {"mean": statistics.mean(differences), "deviation": _deviation(differences)}
    return row


def _deviation(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float, float]]]:
    """By network: CPU minutes, LWLRAP, and its deviation, by cost."""
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for row in rows:
        quantity = "test" if "test" in row["mean"] else "validation"
        point = (row["mean"]["cpu_minutes"], row["mean"][quantity], row["deviation"][quantity] or 0.0)
        curves.setdefault(row["curve"], []).append(point)
    return {name: sorted(points) for name, points in curves.items()}


def to_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of :func:`compare` as a table."""
    compared = {name for row in rows for name in row.get("against_best", ())}
    columns = [(name, *column) for name, column in _COLUMNS.items() if name in rows[0]["mean"]]
    heads = [head for name, head, _ in columns for head in (head, *["against best"] * (name in compared))]
    lines = []
    for row in rows:
        cells = [row["row"]]
        for name, _, form in columns:
            cells.append(_cell(row["mean"][name], row["deviation"][name], form))
            if name in compared:
                difference = row.get("against_best", {}).get(name)
                cells.append(_cell(difference["mean"], difference["deviation"], "+" + form) if difference else "")
        lines.append(cells)
    return markdown_table(["", *heads], lines)


_COLUMNS = {  # its head, and the form of its numbers
    "validation": ("LWLRAP validation", ".4f"),
    "test": ("LWLRAP test", ".4f"),
    "others": ("LWLRAP other sets", ".4f"),
    "cpu_minutes": ("CPU minutes", ".2f"),
    "minutes": ("minutes", ".2f"),
}


def _cell(mean: float, deviation: float | None, form: str) -> str:
    return f"{mean:{form}}" + ("" if deviation is None else f" ± {deviation:{form.lstrip('+')}}")
