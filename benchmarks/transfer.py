"""Transfer beside training from scratch, on few sounds: LWLRAP of test clips and CPU minutes, a row a recipe.

    python benchmarks/transfer.py DATA --out DIR [--seeds 3] [--other DATA ...]

DATA is a data set in a layout that `build-features` knows, with the labels of its test clips in DATA/test_truth.csv
(`fname,labels`). Its stores and runs are kept in DIR, and the same command resumes. For each seed: ``probe``,
``transfer``, ``best``, and the mean of the scores of the last two. Test clips of each ``--other`` data set, which has
the same classes, are scored too. CPU minutes are those of training; of the mean, of both. YAMNet's weights are needed.
"""

import argparse
import json
import logging
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import numpy.typing as npt
from timing import circumstances, markdown

import fat2019
from fat2019.config.recipes import RECIPES, configure
from fat2019.runs.run import Run
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap
from fat2019.scoring.submission import read_truth
from fat2019.store.reader import FeatureStore
from fat2019.training.trainer import train

_MEAN = "mean of transfer and best"
_RECIPES = ("probe", "transfer", "best")


def main() -> None:
    arguments = _parse()
    logging.getLogger("fat2019").setLevel(logging.WARNING)
    rows = measure(arguments.data, arguments.other, arguments.out, arguments.seeds)
    table = [_row(name, rows[name]) for name in (*_RECIPES, _MEAN)]
    columns = {name: name for name in table[0]}
    if arguments.json:
        print(json.dumps(circumstances() | {"rows": table}))
    else:
        print(markdown({**columns, "name": ""}, table))


def measure(data: Path, others: Sequence[Path], out: Path, seeds: int) -> dict[str, list[dict[str, float]]]:
    """For each recipe, and for the mean: what each seed reached."""
    import keras  # after fat2019, which sets oneDNN

    sets = [data, *others]
    stores = {
        features: [fat2019.build_features(one, out / f"{features}-{one.name}", features) for one in sets]
        for features in {RECIPES[name].features for name in _RECIPES}
    }
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in (*_RECIPES, _MEAN)}
    for seed in range(seeds):
        scores, minutes = {}, {}
        for name in _RECIPES:
            keras.backend.clear_session()
            of_recipe = stores[RECIPES[name].features]
            run = train(of_recipe[0], configure(name, {"seed": seed}), out / f"{name}-{seed}")
            minutes[name] = run.metrics["cpu_seconds"] / 60
            scores[name] = [_test_scores(run, store) for store in of_recipe]
        scores[_MEAN] = [
            {clip: (of_clip + best[clip]) / 2 for clip, of_clip in transfer.items()}
            for transfer, best in zip(scores["transfer"], scores["best"], strict=True)
        ]
        minutes[_MEAN] = minutes["transfer"] + minutes["best"]
        for name, row in rows.items():
            row.append({"CPU minutes": minutes[name]})
            for one, of_set, store in zip(sets, scores[name], stores["report"], strict=True):
                row[-1][f"LWLRAP, {one.name}"] = _score(of_set, store, one / "test_truth.csv")
    return rows


def _test_scores(run: Run, store: FeatureStore) -> dict[str, npt.NDArray[np.float64]]:
    """The scores of each test clip, ``(classes,)``, by its name."""
    clips = np.flatnonzero(store.clips["split"] == "test")
    return dict(zip(store.clips["fname"][clips], score_clips(run.model(), store, clips), strict=True))


def _score(scores: Mapping[str, npt.NDArray[np.float64]], store: FeatureStore, truth: Path) -> float:
    labels = {row.fname: row.labels for row in read_truth(truth, store.vocabulary).itertuples()}
    names = [name for name in scores if name in labels]
    has_class = [[name in labels[fname] for name in store.vocabulary.names] for fname in names]
    return lwlrap(np.array(has_class), np.stack([scores[name] for name in names]))


def _row(name: str, of_seeds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name}
    for key in of_seeds[0]:
        values = [one[key] for one in of_seeds]
        spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 and key != "CPU minutes" else ""
        row[key] = f"{statistics.mean(values):.{1 if key == 'CPU minutes' else 3}f}{spread}"
    return row


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--out", type=Path, required=True, help="folder of the stores and runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--other", type=Path, action="append", default=[], help="again for each further data set")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
