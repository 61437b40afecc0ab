"""The report's tables and figures, run anew: trained row by row, and set beside the report's own numbers.

What stands for a run in a table are the LWLRAP of the epoch kept of its last stage, the best by validation, on training
clips and on validation clips, and the time of all its stages. With several seeds it is their
mean.
"""

import dataclasses
import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from fat2019.config.overrides import changed, scaled_epochs
from fat2019.config.recipe import Recipe
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.experiments.paper_tables import EXPERIMENTS, FINAL, rows_of, table_of
from fat2019.pages.plots import draw_curves
from fat2019.runs.run import Run
from fat2019.scoring.ensembles import combine
from fat2019.scoring.evaluation import Windows, is_test_known, lwlrap_on_test, predict_test, require_test_clips
from fat2019.scoring.submission import write_submission
from fat2019.store.reader import FeatureStore
from fat2019.training.adoption import adopt_stages
from fat2019.training.callbacks import EpochCallback
from fat2019.training.trainer import train
from fat2019.utils.files import make_folder, write_json, write_whole
from fat2019.utils.tables import markdown_table

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_QUANTITIES = {  # name: heading, format
    "parameters": ("parameters", "{:,.0f}"),
    "trainable": ("trained", "{:,.0f}"),
    "seconds": ("time (s)", "{:,.0f}"),
    "train": ("LWLRAP train", "{:.4f}"),
    "validation": ("LWLRAP validation", "{:.4f}"),
    "test": ("LWLRAP test", "{:.4f}"),
}
_REPORTED_MEAN = {"test": 0.47128}


def reproduce(
    name: str,
    store: FeatureStore,
    out: Path,
    *,
    scale: float = 1.0,
    weights: str | None = None,
    seeds: int = 1,
    truth: Path | None = None,
    windows: Windows = "max-energy",
    backbone: str | None = None,
    report: EpochCallback | None = None,
) -> dict[str, Any]:
    """Run the rows of a table one after another, and write the table and its figure.

    A row that is finished is kept, one that was interrupted resumes. Stages that rows have in common are trained once.

    Args:
        name: one of ``paper_tables.NAMES``; a figure's name stands for the table that it belongs to.
        store: the features.
        out: gets ``table.md``, ``table.json``, the figure, the runs below ``runs`` and, for table 7.1, submissions.
        scale: of each stage's epochs and of the training clips; validation and test stay whole.
        weights: of the backbones, in place of the recipes' pretrained ones.
        seeds: runs of each row, with the seeds 0, 1, ...
        truth: CSV (fname,labels) of the test clips' labels, for table 7.1.
        windows: of validation and test clips: the max-energy one, as the report scored, or all of them (``tiled``).
        backbone: of every row that has one, see :func:`paper_tables.rows_of`.
        report: is called after each epoch.

    Returns:
        What ``table.json`` holds, and the table as Markdown under ``markdown``.

    Raises:
        DataError: there is no such table, a number is out of range, or a run cannot be trained.
    """
    name = table_of(name)
    _require_usable(name, store, scale, seeds, truth)
    recipes = rows_of(name, backbone)
    make_folder(out)
    runs: dict[str, list[Run]] = {}
    for recipe in recipes:
        finished = [run.path for of_row in runs.values() for run in of_row]
        runs[recipe.name] = [_run(recipe, store, out, scale, weights, seed, finished, report) for seed in range(seeds)]
    rows = [_row(recipe, runs[recipe.name], windows) for recipe in recipes]
    if name == FINAL:
        rows = _with_test(rows, list(runs.values()), store, out, truth, windows, {} if backbone else _REPORTED_MEAN)
    result = {
        "experiment": name,
        "title": EXPERIMENTS[name].title,
        "scale": scale,
        "weights": weights,
        "backbone": backbone,
        "seeds": seeds,
        "windows": windows,
        "clips": store.clips["split"].value_counts().to_dict(),
        "features": str(store.path.resolve()),
        "rows": rows,
        "figure": _figure(name, recipes, runs, out, scale),
    }
    return _written(out, result)


def _require_usable(name: str, store: FeatureStore, scale: float, seeds: int, truth: Path | None) -> None:
    if not 0 < scale <= 1:
        raise DataError(f"scale: expected a number above 0 and up to 1, received {scale}")
    if seeds < 1:
        raise DataError(f"seeds: expected a whole number >= 1, received {seeds}")
    if name == FINAL:
        require_test_clips(store)
        is_test_known(store, truth)  # which says whether the file can be used
    elif truth is not None:
        raise DataError(f"truth: {name} has no scores of test clips; only {FINAL} has")


def _written(out: Path, result: dict[str, Any]) -> dict[str, Any]:
    """The result, written as JSON and as Markdown; with the latter."""
    markdown = _markdown(result)
    write_json(out / "table.json", result)
    write_whole(out / "table.md", markdown)
    return {**result, "markdown": markdown}


def scaled(config: TrainConfig, scale: float) -> TrainConfig:
    """The configuration with this share of each stage's epochs, at least one, and of the training clips."""
    return dataclasses.replace(scaled_epochs(config, scale), clip_share=scale * config.clip_share)


def _run(
    recipe: Recipe,
    store: FeatureStore,
    out: Path,
    scale: float,
    weights: str | None,
    seed: int,
    finished: Sequence[Path],
    report: EpochCallback | None,
) -> Run:
    replaced = {} if recipe.config.model.weights == "none" else {"weights": weights}
    config = scaled(changed(recipe.config, {**replaced, "seed": seed}), scale)
    path = out / "runs" / f"{recipe.name}-seed-{seed}"
    log.info("%s, seed %d", recipe.name, seed)
    keras.backend.clear_session()  # else every network of the table stays in memory
    adopt_stages(path, store, config, finished)
    return train(store, config, path, report)


def _row(recipe: Recipe, runs: Sequence[Run], windows: Windows) -> dict[str, Any]:
    each = [_measured(run, windows) for run in runs]
    return {
        "row": recipe.row,
        "recipe": recipe.name,
        "note": recipe.note,
        "reported": dict(recipe.reported),
        "measured": _mean(each),
        "deviation": _deviation(each),
        "runs": [{"path": str(run.path), **measured} for run, measured in zip(runs, each, strict=True)],
    }


def _measured(run: Run, windows: Windows) -> dict[str, float]:
    summary = run.summary()
    return {**summary, "validation": summary["validation" if windows == "max-energy" else "validation_tiled"]}


def _mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.mean(one[name] for one in each) for name in each[0]}


def _deviation(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Between seeds; empty for a single one."""
    return {name: statistics.stdev(one[name] for one in each) for name in each[0]} if len(each) > 1 else {}


def _with_test(
    rows: list[dict[str, Any]],
    runs: Sequence[Sequence[Run]],
    store: FeatureStore,
    out: Path,
    truth: Path | None,
    windows: Windows,
    reported: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Write a submission of each model and mean, and score them where the test clips' labels are known."""
    means: list[dict[str, Any]] = [
        {
            "row": row,
            "recipe": None,
            "note": "",
            "reported": dict(reported),
            "measured": {},
            "deviation": {},
            "runs": [],
        }
        for row in ("4: mean of 1 and 2", "5: mean of 1, 2 and 3")
    ]
    rows = [*rows, *means]
    members = ((0,), (1,), (2,), (0, 1), (0, 1, 2))
    tests: list[list[dict[str, float]]] = [[] for _ in rows]
    for seed, of_seed in enumerate(zip(*runs, strict=True)):
        predicted = [predict_test([run.path], features=store.path, windows=windows) for run in of_seed]
        fnames, _, vocabulary = predicted[0]
        for number, (chosen, of_row) in enumerate(zip(members, tests, strict=True), start=1):
            scores = combine([predicted[model][1] for model in chosen])
            write_submission(out / f"submission-{number}-seed-{seed}.csv", fnames, scores, vocabulary)
            score = lwlrap_on_test(store, fnames, scores, truth)
            if score is not None:
                of_row.append({"test": score})
    return [
        {
            **row,
            "measured": {**row["measured"], **_mean(of_row)},
            "deviation": {**row["deviation"], **_deviation(of_row)},
        }
        if of_row
        else row
        for row, of_row in zip(rows, tests, strict=True)
    ]


def _figure(
    name: str, recipes: Sequence[Recipe], runs: Mapping[str, Sequence[Run]], out: Path, scale: float
) -> str | None:
    experiment = EXPERIMENTS[name]
    if not experiment.figure:
        return None
    drawn = [recipe for recipe in recipes if recipe.name in (experiment.curves or runs)]
    curves = {recipe.row: _mean_history(runs[recipe.name]) for recipe in drawn}
    title = f"{experiment.figure.capitalize().replace('-', ' ')}: {experiment.title}"
    if scale < 1:
        title += f"\n(scale {scale:g}: shortened, not comparable with the report)"
    return str(draw_curves(out / experiment.figure, curves, title)[0])


def _mean_history(runs: Sequence[Run]) -> "pd.DataFrame":
    import pandas as pd

    return pd.concat([run.last_stage() for run in runs]).groupby("epoch", as_index=False).mean()


def _markdown(result: Mapping[str, Any]) -> str:
    heading = f"# {result['experiment'].capitalize().replace('-', ' ')}: {result['title']}"
    lines = [heading, "", *_conditions(result), "", _table(result["rows"]).rstrip()]
    if any(row["note"] for row in result["rows"]):
        lines += ["", "Where the report leaves a choice:", "", *_notes(result["rows"])]
    return "\n".join(lines) + "\n"


def _conditions(result: Mapping[str, Any]) -> list[str]:
    clips = ", ".join(f"{count} {split}" for split, count in result["clips"].items())
    backbone = f"backbone: {result['backbone']}; " if result["backbone"] else ""
    lines = [
        f"This run: {clips} clips; {backbone}weights: {result['weights'] or 'as in the report'}; "
        f"seeds: {result['seeds']}; held-out clips by their {result['windows']} windows."
    ]
    if result["scale"] < 1:
        lines += [
            "",
            f"**Scale {result['scale']:g}: that share of the epochs and of the training clips. "
            "Not comparable with the report's figures.**",
        ]
    return lines


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    by_note: dict[str, list[str]] = {}
    for row in rows:
        by_note.setdefault(row["note"], []).append(row["row"])
    return [
        f"- {', '.join(names) if len(names) < len(rows) else 'all'}: {note}" for note, names in by_note.items() if note
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [
        (name, whose)
        for name in _QUANTITIES
        for whose in ("reported", "measured")
        if any(name in row[whose] for row in rows)
    ]
    heads = [f"{_QUANTITIES[name][0]}, {'report' if whose == 'reported' else 'this run'}" for name, whose in columns]
    cells = [[row["row"], *(_cell(row, *column) for column in columns)] for row in rows]
    return markdown_table(["model", *heads], cells)


def _cell(row: Mapping[str, Any], name: str, whose: str) -> str:
    if name not in row[whose]:
        return "–"
    form = _QUANTITIES[name][1]
    deviation = row["deviation"].get(name) if whose == "measured" else None
    return form.format(row[whose][name]) + (f" ± {form.format(deviation)}" if deviation else "")
