"""Configurations beside one another on the same clips: the ablation of the recipe ``best``, and its cost curve.

Each trial is trained once a seed, all trials in turn before the next seed, so that a slow hour of the machine falls on
all of them. A seed decides the split as well, which is the same for every trial. What is reported are LWLRAP on curated
clips held out, on test clips, and on those of other sets, in tiled windows, and minutes of the processor's cores added
up: means over the seeds with their standard deviations. Finished runs are kept when the same command is given again.
"""

import dataclasses
import logging
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from fat2019.config.model import ModelConfig
from fat2019.config.overrides import changed, scaled_epochs
from fat2019.config.recipes import BEST, RECIPES
from fat2019.config.training import BOTH, TrainConfig
from fat2019.errors import DataError
from fat2019.pages.plots import draw_cost
from fat2019.runs.run import Run
from fat2019.scoring.evaluation import is_test_known, lwlrap_on_test, predict_test
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import EpochCallback
from fat2019.training.trainer import train
from fat2019.utils.files import write_json, write_whole

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trial:
    """One row of a table, or one point of a curve."""

    row: str
    config: TrainConfig
    curve: str = ""  # the network whose cost this is a point of

    @property
    def folder(self) -> str:
        """Its name on disk."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.row).strip("-").lower()


# What the recipe would be without each of its pieces, and with pieces that it does without.
PIECES: dict[str, Mapping[str, Any]] = {
    "with noisy clips, half as often": {"splits": BOTH, "noisy_weight": 0.5},
    "with as many noisy clips as there are": {"splits": BOTH},
    "without mixed sounds": {"mix_share": 0.0},
    "with mixed sounds at once alone": {"mix_in_turn": 0.0},
    "with mixed sounds up to 10 dB apart": {"mix_level_db": 10.0},
    "without moved spectra": {"shift_bands": 0, "stretch_bands": 0.0},
    "with spectra shifted alone": {"stretch_bands": 0.0},
    "without standardised windows": {"standardise": False},
    "with a frequency map": {"frequency_map": True},
    "with the greatest value over time": {"pooling": "mean+max"},
    "with attention over time": {"pooling": "attention"},
    "with SpecAugment": {"spec_augment": True},
    "with MixUp": {"mixup_alpha": 0.2},
    "with SpecAugment and MixUp": {"spec_augment": True, "mixup_alpha": 0.2},
    "with bootstrapped labels": {"bootstrap": 0.3},
    "with smoothed labels": {"label_smoothing": 0.1},
    "with focal loss": {"focal_gamma": 2.0},
    "with LSEP": {"loss": "lsep"},
    "with the loudest of three windows": {"candidates": 3},
}
# In place of the recipe's only stage: shares of its epochs.
STAGES: dict[str, tuple[tuple[float, Mapping[str, Any]], ...]] = {
    "with noisy labels judged by a first stage": ((0.4, {}), (0.6, {"splits": BOTH, "judge_noisy": True})),
    "with noisy clips first": ((0.6, {"splits": BOTH}), (0.4, {"learning_rate": 1e-3})),
}
FROM_SCRATCH = "table-7.1-model-1"  # of the report's final models, the one that it trains without other data


def ablation(store: FeatureStore, scale: float = 1.0) -> list[Trial]:
    """The recipe, each piece left out or added, and the report's network from scratch.

    Where noisy clips make an epoch longer, there are fewer of them: the windows that are seen stay as many.
    """
    best = scaled_epochs(BEST, scale)
    trials = [Trial(row, changed(best, options)) for row, options in {"best": {}, **PIECES}.items()]
    trials += [Trial(row, _staged(best, *stages)) for row, stages in STAGES.items()]
    trials = [dataclasses.replace(trial, config=_with_as_many_windows(trial.config, store)) for trial in trials]
    scratch = changed(RECIPES[FROM_SCRATCH].config, {"weights": "none"})
    return [*trials, Trial("report's MobileNetV2 from scratch", scaled_epochs(scratch, scale))]


def _with_as_many_windows(config: TrainConfig, store: FeatureStore) -> TrainConfig:
    """The configuration with fewer epochs of the stages that have noisy clips, for epochs of curated clips alone."""
    clips = store.clips["split"].value_counts()
    noisy_share = clips.get("noisy", 0) / max(1, (1 - config.validation_share) * clips.get("curated", 0))
    stages = tuple(
        dataclasses.replace(stage, epochs=max(1, round(stage.epochs / (1 + stage.feed.noisy_weight * noisy_share))))
        if "noisy" in stage.splits
        else stage
        for stage in config.stages
    )
    return dataclasses.replace(config, stages=stages)


def _staged(config: TrainConfig, *stages: tuple[float, Mapping[str, Any]]) -> TrainConfig:
    """Stages like the only one of the configuration, each with a share of its epochs, and fields of its own."""
    (stage,) = config.stages
    return dataclasses.replace(
        config,
        stages=tuple(
            dataclasses.replace(stage, epochs=max(1, round(share * stage.epochs)), **fields) for share, fields in stages
        ),
    )


def cost(store: FeatureStore, scale: float = 1.0) -> list[Trial]:
    """Three networks from scratch in the same recipe, each trained for four numbers of epochs."""
    networks = {
        "simple": changed(BEST, {"name": "simple", "dropout": 0.5}),
        "best": BEST,
        "mobilenetv2": TrainConfig(
            ModelConfig("mobilenetv2", "conv", weights="none"),
            tuple(dataclasses.replace(stage, trainable="all", learning_rate=1e-3) for stage in BEST.stages),
            BEST.validation_share,
        ),
    }
    shares = {"simple": (0.1, 0.25, 0.5, 1), "best": (0.1, 0.25, 0.5, 1), "mobilenetv2": (0.05, 0.1, 0.2, 0.4)}
    trials = [
        Trial(f"{name}, {config.stages[0].epochs} epochs", config, name)
        for name, whole in networks.items()
        for config in (scaled_epochs(whole, scale * share) for share in shares[name])
    ]
    return list({trial.row: trial for trial in trials}.values())  # at a small scale two shares are one epoch


TABLES = {"ablation": ablation, "cost": cost}
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
        name: one of ``TABLES``.
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
    if name not in TABLES:
        raise DataError(f"table: expected one of {', '.join(TABLES)}, received {name!r}")
    if not 0 < scale < math.inf or seeds < 1:
        raise DataError(f"scale, seeds: expected a number above 0 and a whole number >= 1, received {scale}, {seeds}")
    trials = TABLES[name](store, scale)
    unknown = set(only) - {trial.row for trial in trials}
    if unknown:
        raise DataError(f"rows: there is no {sorted(unknown)[0]!r} in {name}: {', '.join(t.row for t in trials)}")
    trials = [trial for trial in trials if not only or trial.row in only]
    tests = {"test": [(store, truth)] if is_test_known(store, truth) else [], "others": others}
    for other, labels in others:
        if other.vocabulary != store.vocabulary or other.config.digest() != store.config.digest():
            raise DataError(f"{other.path}: it has other classes than {store.path}, or features computed otherwise")
        if not is_test_known(other, labels):
            raise DataError(f"{other.path}: the labels of its test clips are not known; give a CSV file of them")
    out.mkdir(parents=True, exist_ok=True)
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
    lines = ["| | " + " | ".join(heads) + " |", "|:--|" + "--:|" * len(heads)]
    for row in rows:
        cells = []
        for name, _, form in columns:
            cells.append(_cell(row["mean"][name], row["deviation"][name], form))
            if name in compared:
                difference = row.get("against_best", {}).get(name)
                cells.append(_cell(difference["mean"], difference["deviation"], "+" + form) if difference else "")
        lines.append(f"| {row['row']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_COLUMNS = {  # its head, and the form of its numbers
    "validation": ("LWLRAP validation", ".4f"),
    "test": ("LWLRAP test", ".4f"),
    "others": ("LWLRAP other sets", ".4f"),
    "cpu_minutes": ("CPU minutes", ".2f"),
    "minutes": ("minutes", ".2f"),
}


def _cell(mean: float, deviation: float | None, form: str) -> str:
    return f"{mean:{form}}" + ("" if deviation is None else f" ± {deviation:{form.lstrip('+')}}")
