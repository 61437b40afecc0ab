"""Which clips belong together: those of one group, and copies of one sound."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


def joined_groups(names: Sequence[str], *same_sound: Iterable[int]) -> npt.NDArray[np.int64]:
    """A number for each clip, equal for clips that are joined by a group or by being copies, also by way of others.

    Args:
        names: the group of each clip; empty where it has none.
        same_sound: each has for each clip another one of the same sound, itself if there is none.

    Returns:
        ``(clips,)``: the number of the first clip that each is joined with; its own where there is none.
    """
    parent = list(range(len(names)))

    def root(clip: int) -> int:
        while parent[clip] != clip:
            parent[clip] = clip = parent[parent[clip]]
        return clip

    first_of: dict[str, int] = {}
    for clip, (name, *others) in enumerate(zip(names, *same_sound, strict=True)):
        if name:
            others.append(first_of.setdefault(name, clip))
        for one in others:
            low, high = sorted((root(clip), root(one)))
            parent[high] = low
    return np.array([root(clip) for clip in range(len(names))], np.int64)
