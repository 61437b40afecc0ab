"""The first stages of a finished run, taken over by another that is configured alike."""

import itertools
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fat2019.config.training import TrainConfig
from fat2019.runs.checkpoint import Checkpoint
from fat2019.runs.configuration import read_config
from fat2019.runs.identity import begin_or_resume, circumstances, has_same_recordings, identity
from fat2019.runs.run import Run, best_path, log_file
from fat2019.runs.upgrade import upgraded
from fat2019.store.reader import FeatureStore
from fat2019.training.partition import Partition
from fat2019.utils.files import make_folder, whole
from fat2019.utils.lock import run_lock

log = logging.getLogger(__name__)


def adopt_stages(path: Path, store: FeatureStore, config: TrainConfig, others: Sequence[Path]) -> None:
    """Begin a run with the first stages of a finished one that are configured alike, and need not be trained again.

    It ends with the same numbers as without this. A run folder that is there already stays as it is.

    Args:
        path: the run folder.
        store: the features.
        config: what the run is to do.
        others: folders of finished runs; one that was trained on other clips has nothing to give.
    """
    if (path / "config.json").is_file():
        return
    partition = Partition.of(store, config)
    others = [
        other
        for other in others
        if partition.equals(other / "split.csv", store) and has_same_recordings(other, store, partition.splits)
    ]
    wanted = json.loads(json.dumps(identity(store, config)))
    counts = [_stages_alike(wanted, other) for other in others]
    shared = max(counts, default=0)
    if not shared:
        return
    other = others[counts.index(shared)]
    make_folder(path)
    with run_lock(path):
        begin_or_resume(path, wanted, circumstances(store, partition.splits))
        _take_over(path, other, shared, len(config.stages))


def _take_over(path: Path, other: Path, shared: int, stages: int) -> None:
    """The first networks of another run, its history until then, and a state that says so."""
    theirs = read_config(other)["train"]["stages"]
    run = Run.open(other)
    for stage in range(shared):
        source = best_path(other, len(theirs), stage)
        run.require_unchanged(source.name)
        with whole(best_path(path, stages, stage)) as unfinished:
            shutil.copyfile(source, unfinished)
    history = run.history()
    rows: list[dict[str, Any]] = history[history["stage"] <= shared].to_dict("records")  # type: ignore[assignment]
    with log_file(path):
        log.info("%s: stages 1 to %d copied from %s", path, shared, other)
    state = Checkpoint.open(path / "state")
    state.stage, state.rows, state.seconds_before = shared, rows, sum(row["seconds"] for row in rows)
    # Epochs have no processor time of their own: they kept the processor as busy as the whole run did.
    state.cpu_seconds_before = state.seconds_before * run.metrics["cpu_seconds"] / run.metrics["seconds"]
    for stage in range(shared):
        state.note(best_path(path, stages, stage))
    state.write()


def _stages_alike(wanted: dict[str, Any], other: Path) -> int:
    """How many stages another run did that this one is to begin with, of which the last is never one."""
    theirs = upgraded(read_config(other))
    alike = all(theirs[name] == wanted[name] for name in ("features", "vocabulary")) and all(
        theirs["train"][name] == value for name, value in wanted["train"].items() if name != "stages"
    )
    pairs = zip(theirs["train"]["stages"], wanted["train"]["stages"][:-1], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)) if alike else 0
