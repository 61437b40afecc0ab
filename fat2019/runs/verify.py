"""A run's folder -> the list of what is wrong with it."""

import functools
from collections.abc import Callable
from pathlib import Path

from fat2019.errors import DataError
from fat2019.runs.configuration import CONFIG_NAME
from fat2019.runs.run import LARGE, Run


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, finished or not."""
    return (folder / CONFIG_NAME).is_file() and any(
        (folder / name).exists() for name in ("model.keras", "metrics.json", "state", "split.csv")
    )


def verify_run(folder: Path, *, deep: bool = False) -> list[str]:
    """Check every file of a run against its checksum, and read the tables.

    Args:
        folder: the run's.
        deep: also load the network, and see that its shapes are the run's and its weights are numbers.

    Returns:
        One line for each thing that is wrong; none if it is sound, as far as its version can tell.
    """
    try:
        run = Run.open(folder)
    except DataError as error:  # with the first of its small files that is wrong: nothing after it can be trusted
        return [str(error)]
    checks: list[Callable[[], object]] = [run.history, run.partition, lambda: run.metrics]
    checks += [functools.partial(run.require_unchanged, name) for name in run.checksums if name.endswith(LARGE)]
    if deep:
        checks.append(run.model)
    problems = []
    for check in checks:
        try:
            check()
        except DataError as error:
            if str(error) not in problems:
                problems.append(str(error))
    return problems
