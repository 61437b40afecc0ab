"""Finished runs -> a page of learning curves, scores and errors.

Everything but the curves is on the validation clips, averaged over all windows. Several runs are compared on the
clips that were held out from all of them, along with their ensemble, the plain mean of their scores.
"""

import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fat2019.config.model import NETWORKS
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.pages import figures
from fat2019.pages.page import Page
from fat2019.runs.run import Run
from fat2019.scoring.ensembles import combine
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap, lwlrap_per_class
from fat2019.scoring.trust import caution
from fat2019.store.reader import FeatureStore
from fat2019.training.partition import own_folds
from fat2019.utils.files import write_whole
from fat2019.utils.progress import Progress

_WORST_CLIPS = 9
_TOP_SCORES = 5
_CONFUSIONS = 20
ENSEMBLE = "mean of the runs"


def report(
    paths: Sequence[Path],
    page: Path,
    *,
    features: Path | None = None,
    figures_folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the page.

    Args:
        paths: run folders, finished, of one vocabulary.
        page: the HTML file.
        features: the feature store; by default the one of each run's training.
        figures_folder: folder for the figures as SVG and PNG files; none by default.
        progress: called with the number of clips scored.

    Returns:
        The numbers of the page.

    Raises:
        DataError: a run is not finished, the runs have different classes, or no clip was held out from all of them.
    """
    runs = [_finished(path) for path in paths]
    results = _results(runs, features, progress)
    names = _names(runs)
    drawn = Page(figures_folder)
    rows = [
        {
            "name": name,
            "model": run.config["train"]["model"],
            "has_head": NETWORKS[run.config["train"]["model"]["name"]] is not None,
            **run.summary(),
            "held_out": lwlrap(results.truth, scores),
            "caution": caution(run.metrics["validation"], own_folds(results.store.clips["fold"])),
        }
        for name, run, scores in zip(names, runs, results.scores, strict=True)
    ]
    ensemble = lwlrap(results.truth, results.mean) if len(runs) > 1 else None
    numbers = {
        "runs": rows,
        "ensemble": ensemble,
        "clips": len(results.truth),
        "split": results.split,
        "classes": _class_rows(results, names),
        "confusions": _confusions(results.truth, results.mean, results.vocabulary),
    }
    write_whole(
        page,
        drawn.render(
            "report.html",
            title=f"Run report: {', '.join(names)}",
            **numbers,
            ensemble_name=ENSEMBLE,
            ranked_by=ENSEMBLE if len(runs) > 1 else names[0],
            curves=[
                drawn.figure(
                    f"curves-{name.replace('/', '-')}",
                    figures.learning_curves(run.history(), name),
                    f"Loss and LWLRAP of {name} by epoch, on training and validation clips",
                )
                for name, run in zip(names, runs, strict=True)
            ],
            worst=_worst(drawn, results),
            configurations=[
                (name, json.dumps({"train": run.config["train"], "versions": run.config.get("versions")}, indent=2))
                for name, run in zip(names, runs, strict=True)
            ],
        ),
    )
    return {"page": str(page), **numbers}


@dataclasses.dataclass(frozen=True)
class _Results:
    """The clips that were held out from all runs, and their scores."""

    store: FeatureStore
    vocabulary: Vocabulary
    split: str
    clips: npt.NDArray[np.int64]  # indices into the store's clips
    truth: npt.NDArray[np.uint8]  # (clips, classes)
    scores: list[npt.NDArray[np.float64]]  # of each run, (clips, classes)
    mean: npt.NDArray[np.float64]  # (clips, classes)


def _finished(path: Path) -> Run:
    run = Run.open(path)
    if not run.metrics:
        raise DataError(f"{path}: this run is not finished; run its train command again to resume it")
    return run


def _names(runs: Sequence[Run]) -> list[str]:
    """The folders' names, with their parents' where those are alike."""
    names = [run.path.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _results(runs: Sequence[Run], features: Path | None, progress: Progress | None) -> _Results:
    for run in runs[1:]:
        if run.vocabulary != runs[0].vocabulary:
            raise DataError(f"{run.path}: its vocabulary is not that of {runs[0].path}: they cannot be compared")
    held_out = [run.held_out() for run in runs]
    splits = {split for split, _ in held_out}
    common = set.intersection(*(names for _, names in held_out))
    if len(splits) > 1 or not common:
        raise DataError(
            f"{', '.join(str(run.path) for run in runs)}: no clip was held out from all of these runs; "
            "report on each of them by itself"
        )
    split = splits.pop()
    scores = []
    for place, run in enumerate(runs):
        store = run.store(features)
        clips = _find(store, split, common)
        tell = progress and functools.partial(_tell, progress, place * len(clips), len(runs) * len(clips))
        scores.append(score_clips(run.model(), store, clips, progress=tell))
        if place == 0:
            first, order = store, clips
        elif store.clips["fname"].to_numpy()[clips].tolist() != first.clips["fname"].to_numpy()[order].tolist():
            raise DataError(
                f"{store.path}: its clips are in another order than those of {first.path}; give one store "
                "for all runs (--features)"
            )
    return _Results(first, runs[0].vocabulary, split, order, first.labels[order], scores, combine(scores))


def _tell(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _find(store: FeatureStore, split: str, names: set[str]) -> npt.NDArray[np.int64]:
    clips = np.flatnonzero(store.clips["fname"].isin(names) & (store.clips["split"] == split))
    if len(clips) != len(names):
        raise DataError(
            f"{store.path}: it lacks {len(names) - len(clips)} of the clips that the runs were validated on: "
            "was it built from other files since?"
        )
    return clips


def _class_rows(results: _Results, names: Sequence[str]) -> list[dict[str, Any]]:
    """Each class that validation has, the worst first: its clips, and every run's LWLRAP on it."""
    support = results.truth.sum(axis=0, dtype=np.int64)  # (classes,)
    by_run = {
        name: lwlrap_per_class(results.truth, scores)[0] for name, scores in zip(names, results.scores, strict=True)
    }
    if len(names) > 1:
        by_run[ENSEMBLE] = lwlrap_per_class(results.truth, results.mean)[0]
    ranking = list(by_run.values())[-1]
    return [
        {
            "name": results.vocabulary.names[column],
            "clips": int(support[column]),
            "lwlrap": {name: float(values[column]) for name, values in by_run.items()},
        }
        for column in np.argsort(ranking, kind="stable").tolist()
        if support[column]
    ]


def _confusions(
    truth: npt.NDArray[np.uint8], scores: npt.NDArray[np.float64], vocabulary: Vocabulary
) -> list[dict[str, Any]]:
    """The pairs (a clip's label, another class that is ranked first in its place), the most frequent first."""
    first = scores.argmax(axis=1)  # (clips,)
    wrong = truth[np.arange(len(truth)), first] == 0
    counts = np.zeros((truth.shape[1], truth.shape[1]), np.int64)  # (label, taken for)
    for label_row, taken in zip(truth[wrong], first[wrong], strict=True):
        counts[label_row > 0, taken] += 1
    support = truth.sum(axis=0, dtype=np.int64)
    pairs = np.argwhere(counts)
    pairs = pairs[np.argsort(-counts[tuple(pairs.T)], kind="stable")][:_CONFUSIONS]
    return [
        {
            "label": vocabulary.names[label],
            "predicted": vocabulary.names[taken],
            "clips": int(counts[label, taken]),
            "of": int(support[label]),
        }
        for label, taken in pairs.tolist()
    ]


def _worst(drawn: Page, results: _Results) -> list[dict[str, Any]]:
    """The clips whose labels are ranked lowest, to see and to hear; none whose labels all rank first."""
    labelled = np.flatnonzero(results.truth.any(axis=1))
    precision = np.array([lwlrap(results.truth[[row]], results.mean[[row]]) for row in labelled])
    store = results.store
    fnames = store.clips["fname"].to_numpy()[results.clips]
    worst = []
    lowest = [index for index in np.argsort(precision, kind="stable")[:_WORST_CLIPS] if precision[index] < 1]
    for place, row in enumerate(labelled[lowest].tolist()):
        fname, true = str(fnames[row]), set(results.vocabulary.decode(results.truth[row]))
        audio = store.audio(fname)  # (samples,)
        best = np.argsort(-results.mean[row], kind="stable")[:_TOP_SCORES]
        worst.append(
            {
                "fname": fname,
                "labels": sorted(true),
                "precision": float(lwlrap(results.truth[[row]], results.mean[[row]])),
                "ranks": {
                    name: _rank(results.mean[row], results.vocabulary.names.index(name)) for name in sorted(true)
                },
                "top": [
                    (
                        results.vocabulary.names[column],
                        float(results.mean[row, column]),
                        results.vocabulary.names[column] in true,
                    )
                    for column in best.tolist()
                ],
                "figure": drawn.figure(
                    f"worst-{place + 1}",
                    figures.waveform_and_log_mel(audio, store.log_mel(fname), store.config, fname),
                    f"Waveform and log-mel of {fname}",
                ),
                "sound": drawn.sound(audio, store.config.sample_rate_hz),
            }
        )
    return worst


def _rank(scores: npt.NDArray[np.float64], column: int) -> int:
    """The place of a class, from 1 on; ties count against it, as in the metric."""
    return int((scores >= scores[column]).sum())
