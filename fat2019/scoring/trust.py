"""How far a score on held-out clips can be trusted: how many clips, of which classes, from how many sources."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fat2019.utils.printable import counted

_FEW_CLIPS = 100  # a score of 0.8 on 100 clips has a standard error of about 0.03
_FEW_OF_A_CLASS = 5


def held_out_counts(
    labels: npt.NDArray[np.uint8], groups: npt.NDArray[np.int64], train_labels: npt.NDArray[np.uint8]
) -> dict[str, int]:
    """What stands behind a score.

    Args:
        labels: of the clips held out, ``(clips, classes)``.
        groups: of the clips held out, ``(clips,)``.
        train_labels: of the clips trained on, ``(clips, classes)``.
    """
    counts = labels.sum(axis=0, dtype=np.int64)  # (classes,)
    return {
        "groups": len(np.unique(groups)),
        "clips_of_rarest_class": int(counts[counts > 0].min(initial=len(labels))),
        "classes_not_held_out": int(((counts == 0) & (train_labels.sum(axis=0, dtype=np.int64) > 0)).sum()),
    }


def caution(validation: dict[str, Any], own_folds: Sequence[str] = ()) -> str | None:
    """One line of what to mind in a score of ``metrics.json``; None where nothing speaks against it, or it is older.

    Args:
        validation: the score, with what stands behind it.
        own_folds: the names of the data set's own folds, over which it is cross-validated if there are several.
    """
    if "groups" not in validation:
        return None
    reasons = []
    if validation["clips"] < _FEW_CLIPS:
        reasons.append(f"only {counted(validation['clips'], 'clip')} held out")
    if validation["groups"] < min(_FEW_CLIPS, validation["clips"]):
        reasons.append(f"from {counted(validation['groups'], 'group')}")
    if validation["clips_of_rarest_class"] < _FEW_OF_A_CLASS:
        reasons.append(f"{counted(validation['clips_of_rarest_class'], 'clip')} of the rarest class")
    if validation["classes_not_held_out"]:
        reasons.append(f"{counted(validation['classes_not_held_out'], 'class')} with none")
    if not reasons:
        return None
    folds = "--own-folds" if len(own_folds) > 1 else "--folds 5"
    return f"read this score with caution: {'; '.join(reasons)}; {folds} scores every clip once"
