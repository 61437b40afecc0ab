"""Label cleaning: the CSV file of what networks that were not trained on noisy clips think of their labels.

One row per noisy clip: ``fname``, ``labels`` (as the data set gives them, joined by commas), ``agreement``, ``best``
(the class of the highest score), ``use``, and a column per class with its out-of-fold score. Training reads ``fname``,
``use`` and the scores; ``use`` may be edited.

- ``agreement`` is the mean precision of the clip's labels in the ranking of the classes by score: 1 if they lead it.
- ``use`` is ``keep`` where the agreement is at least one half (the labels are first, or all but first); else ``soft``
  where the networks are surer than not of something (a score of at least one half), and each label is then the mean of
  the given label and the score; else ``drop``.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fat2019.errors import DataError
from fat2019.scoring.metrics import lwlrap
from fat2019.store.reader import FeatureStore
from fat2019.utils.table_reader import read_table

if TYPE_CHECKING:
    import pandas as pd

USES = ("keep", "soft", "drop")
_COLUMNS = {"fname", "labels", "agreement", "best", "use"}  # beside one column per class

_AGREES = 0.5
_SURE = 0.5


def require_own_columns(store: FeatureStore) -> None:
    """Check that no class has the name of one of the file's own columns; call it before long work.

    Raises:
        DataError: one has.
    """
    for name in _COLUMNS & set(store.vocabulary.names):
        raise DataError(f"{store.path}: class {name!r} has the name of a column of the label-cleaning table; rename it")


def judged(store: FeatureStore, clips: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> "pd.DataFrame":
    """The rows of the file, for these clips of the store and their out-of-fold scores ``(clips, classes)``."""
    import pandas as pd

    names, labels = np.array(store.vocabulary.names), store.labels[clips]
    agreement = np.array([lwlrap(label[None], score[None]) for label, score in zip(labels, scores, strict=True)])
    sure = scores.max(axis=1) >= _SURE
    table = pd.DataFrame(
        {
            "fname": store.clips["fname"].to_numpy()[clips],
            "labels": [",".join(names[label > 0]) for label in labels],
            "agreement": agreement,
            "best": names[scores.argmax(axis=1)],
            "use": np.where(agreement >= _AGREES, "keep", np.where(sure, "soft", "drop")),
        }
    )
    of_classes = pd.DataFrame(scores, columns=list(names))
    return pd.concat([table, of_classes], axis=1).sort_values("fname", ignore_index=True)


def read_judged(
    path: Path, store: FeatureStore, clips: npt.NDArray[np.int64] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """What training makes of the file.

    Args:
        path: the file.
        store: the features.
        clips: of which the file must have rows; by default all noisy clips.

    Returns:
        The labels of all clips of the store ``(clips, classes)``, and which clips are left out ``(clips,)``.

    Raises:
        DataError: the file cannot be used, or does not fit the store.
    """
    table = _read(path, store)
    missing = [name for name in ("fname", "use", *store.vocabulary.names) if name not in table]
    if missing:
        raise DataError(f"{path}: it has no column {missing[0]}; `relabel` writes such a file")
    twice = table["fname"][table["fname"].duplicated()]
    if len(twice):
        raise DataError(f"{path}: {twice.iloc[0]} is there twice; leave one row of it")
    strange = table[~table["use"].isin(USES)]
    if len(strange):
        raise DataError(f"{path}: use: expected one of {', '.join(USES)}, received {strange['use'].iloc[0]!r}")
    noisy = np.flatnonzero(store.clips["split"].to_numpy() == "noisy")
    place = dict(zip(store.clips["fname"].to_numpy()[noisy], noisy.tolist(), strict=True))
    unknown = [fname for fname in table["fname"] if fname not in place]
    if unknown:
        raise DataError(f"{path}: {len(unknown)} of its clips are not noisy clips of {store.path}: {unknown[0]}")
    scores = table[list(store.vocabulary.names)].to_numpy(np.float32)  # (rows, classes)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise DataError(f"{path}: a score is not a number from 0 to 1")
    judged_clips, use = np.array([place[fname] for fname in table["fname"]], np.int64), table["use"].to_numpy()
    _require_all(path, store, noisy if clips is None else clips, judged_clips)
    labels, left_out = store.labels.astype(np.float32), np.zeros(len(store.clips), bool)
    soft = use == "soft"
    labels[judged_clips[soft]] = (labels[judged_clips[soft]] + scores[soft]) / 2
    left_out[judged_clips[use == "drop"]] = True
    return labels, left_out


def _require_all(
    path: Path, store: FeatureStore, clips: npt.NDArray[np.int64], judged_clips: npt.NDArray[np.int64]
) -> None:
    missing = np.setdiff1d(clips, judged_clips)
    if len(missing):
        first = store.clips["fname"].iloc[missing[0]]
        raise DataError(
            f"{path}: {len(missing)} of the {len(clips)} noisy clips of {store.path} have no row ({first}): was the "
            "file cut? Clips to be left out have the use drop"
        )


def _read(path: Path, store: FeatureStore) -> "pd.DataFrame":
    import pandas as pd

    table = read_table(path)
    if not table.rows:
        raise DataError(f"{path}: no row of a clip: was the file cut?")
    rows = pd.DataFrame([row.cells for row in table.rows], columns=list(table.header), dtype=str)
    scores = [name for name in store.vocabulary.names if name in rows]
    try:
        return rows.astype(dict.fromkeys(scores, np.float64))
    except ValueError as error:
        raise DataError(f"{path}: a score is not a number from 0 to 1: {error}") from error
