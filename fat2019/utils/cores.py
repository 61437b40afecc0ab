"""How many cores this process may use: there may be more that are not for it.

By hand, since joblib's ``cpu_count``, which does the same, takes as long to load as all of a builder's other libraries.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Those that the process is bound to (``taskset``, a scheduler), or as many as its quota is worth (a container)."""
    bound = len(os.sched_getaffinity(0))
    return max(1, min([bound, *(math.ceil(share) for share in _quotas())]))


def _quotas() -> Iterator[float]:
    """Cores' worth of time that the process's control groups, and those around them, are given."""
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:  # version 2; in a container the group itself is mounted at the root
            for folder in _upwards(_CGROUPS, group):
                yield from _quota(_numbers(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for folder in _upwards(_CGROUPS / "cpu", group):
                yield from _quota(_numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us"))


def _upwards(root: Path, group: str) -> Iterator[Path]:
    folder = root / group.lstrip("/")
    return (one for one in (folder, *folder.parents) if one.is_relative_to(root))


def _numbers(path: Path) -> list[int]:
    """The numbers of a file; none if there is no such file or it says ``max``."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []


def _quota(numbers: list[int]) -> Iterator[float]:
    match numbers:
        case [quota, period] if quota > 0 and period > 0:
            yield quota / period
