"""A grid of configurations, trained one after another, and one table of what came of them."""

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from fat2019.config.overrides import changed, require_effect
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.training.callbacks import Diverged, EpochCallback
from fat2019.training.trainer import train
from fat2019.utils.files import write_json, write_whole
from fat2019.utils.tables import markdown_table

log = logging.getLogger(__name__)


def sweep(
    store: FeatureStore,
    base: TrainConfig,
    grid: Mapping[str, Sequence[Any]],
    out: Path,
    report: EpochCallback | None = None,
) -> list[dict[str, Any]]:
    """Train every combination of the options' values.

    A run that is finished is kept, one that was interrupted resumes, and one whose loss becomes NaN is noted as such.

    Args:
        store: the features.
        base: what the options change.
        grid: values by option, named as :func:`fat2019.config.overrides.changed` takes them.
        out: gets ``table.md``, ``table.json`` and the runs below ``runs``.
        report: is called after each epoch.

    Returns:
        A row per run, the best validation LWLRAP first: the options that vary, ``run`` (its folder), and its
        :meth:`fat2019.runs.run.Run.summary`, or ``error`` in its place.

    Raises:
        DataError: an option has no value, is out of range, or would have no effect.
    """
    empty = [name for name, values in grid.items() if not values]
    if empty:
        raise DataError(f"sweep: no value for {', '.join(empty)}")
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    configs = [changed(base, point) for point in points]  # all of them first: a bad value is found before the work
    for point, config in zip(points, configs, strict=True):
        require_effect(config, point)
    varying = [name for name, values in grid.items() if len(values) > 1]
    rows = []
    for number, (point, config) in enumerate(zip(points, configs, strict=True), start=1):
        chosen = {name: point[name] for name in varying}
        log.info("run %d of %d: %s", number, len(points), _name(chosen))
        rows.append({**chosen, **_trained(store, config, out / "runs" / _name(chosen), report)})
        ranked = sorted(rows, key=lambda row: row.get("validation", -1.0), reverse=True)
        write_json(out / "table.json", {"runs": ranked})
        write_whole(out / "table.md", to_markdown(ranked, varying))
    return ranked


def to_markdown(rows: Sequence[Mapping[str, Any]], varying: Sequence[str]) -> str:
    """The rows of :func:`sweep` as a table."""
    lines = []
    for row in rows:
        figures = (
            ["–", "diverged", "–", "–"]
            if "error" in row
            else [f"{row['train']:.4f}", f"{row['validation']:.4f}", str(row["epochs"]), f"{row['seconds']:.0f}"]
        )
        lines.append([*(_text(row[name]) for name in varying), *figures])
    heads = [*varying, "LWLRAP train", "LWLRAP validation", "epochs", "time (s)"]
    return markdown_table(heads, lines, text_columns=len(varying))


def _trained(store: FeatureStore, config: TrainConfig, path: Path, report: EpochCallback | None) -> dict[str, Any]:
    keras.backend.clear_session()  # else every network of the grid stays in memory
    try:
        return {"run": str(path), **train(store, config, path, report).summary()}
    except Diverged as error:
        log.warning("%s", error)
        return {"run": str(path), "error": str(error)}


def _name(chosen: Mapping[str, Any]) -> str:
    """A folder's name that tells the options; a path among their values must not lead elsewhere."""
    text = "_".join(f"{name}-{_text(value)}" for name, value in chosen.items())
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", text).lstrip(".") or "run"


def _text(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)
