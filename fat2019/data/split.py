"""Training and validation clips: iterative stratification of multi-label data, or a plain random split.

Conventions: ``labels`` is a multi-hot array ``(clips, classes)``; a part is a sorted int64 array of its rows.
The same labels and seed give the same parts on any machine: all randomness is NumPy's ``RandomState``, whose
stream is frozen (that of the newer ``Generator`` may change with a release of NumPy).
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from fat2019.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("iterative", "plain")


def split_indices(
    labels: np.ndarray,
    *,
    method: Literal["iterative", "plain"] = "iterative",
    validation_share: float = 0.2,
    seed: int,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Two parts, training and validation, that together hold every clip once.

    ``iterative`` keeps each class's share (scikit-multilearn's ``iterative_train_test_split``: Sechidis 2011,
    Szymanski 2017), so the validation part may be a little larger or smaller than asked for; ``plain``
    takes a random part of exactly that size, rounded.

    Args:
        labels: multi-hot ``(clips, classes)``.
        method: one of ``METHODS``.
        validation_share: of the clips; of the groups, where there are any.
        seed: of the parts.
        groups: ``(clips,)`` whole numbers; clips of one number stand on one side, as if they were one clip with the
            labels of all. (scikit-learn's ``StratifiedGroupKFold`` knows one label a clip.)

    Raises:
        DataError: fewer than 2 clips, another method, or a share that leaves one part empty.
        ValueError: ``labels`` is not ``(clips, classes)``.
    """
    _require_clips(labels)
    if groups is not None and (one := _as_clips(labels, groups)) is not None:
        parts = split_indices(one.labels, method=method, validation_share=validation_share, seed=seed)
        return one.members(parts[0]), one.members(parts[1])
    if method not in METHODS:
        raise DataError(f"split method: expected one of {METHODS}, received {method!r}")
    if not 0 < validation_share < 1:
        raise DataError(f"validation share: expected a number between 0 and 1, received {validation_share}")
    split = _iterative_validation if method == "iterative" else _plain_validation
    validation = np.sort(split(labels, validation_share, seed))
    if not 0 < len(validation) < len(labels):
        raise DataError(
            f"validation share: {validation_share} of {len(labels)} clips leaves one part empty: each class gives its "
            "share of its clips, rounded; there must be more clips, or a larger share"
        )
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def folds(labels: np.ndarray, k: int, seed: int, groups: np.ndarray | None = None) -> list[np.ndarray]:
    """The validation parts of k-fold cross-validation, iteratively stratified: each clip is in exactly one.

    Clips of one group, as :func:`split_indices` takes them, are in the same.

    Raises:
        DataError: fewer than 2 clips or folds, or more folds than the clips can be parted into.
        ValueError: ``labels`` is not ``(clips, classes)``.
    """
    from skmultilearn.model_selection import IterativeStratification

    _require_clips(labels)
    if groups is not None and (one := _as_clips(labels, groups)) is not None:
        return [one.members(part) for part in folds(one.labels, k, seed)]
    if not 2 <= k <= len(labels):
        raise DataError(f"folds: expected a whole number from 2 to the {len(labels)} clips, received {k}")
    random = np.random.RandomState(seed)
    rows = random.permutation(len(labels))
    with _as_global(random):
        parts = list(IterativeStratification(n_splits=k, order=2).split(rows, labels[rows]))
    if not all(len(validation) for _, validation in parts):
        raise DataError(f"folds: {k} of {len(labels)} clips leave one empty; give fewer")
    return [np.sort(rows[validation]) for _, validation in parts]


def balance(
    labels: np.ndarray, train: np.ndarray, validation: np.ndarray, names: Sequence[str] | None = None
) -> "pd.DataFrame":
    """How the clips of each class fall on the two parts, the numbers of the report's figures 5.1 and 5.2.

    One row per class, indexed by name or number; columns ``train``, ``validation`` (clips) and
    ``validation_share`` (NaN for a class that is in neither part).
    """
    import pandas as pd

    table = pd.DataFrame(
        {
            "train": labels[train].sum(axis=0, dtype=np.int64),
            "validation": labels[validation].sum(axis=0, dtype=np.int64),
        },
        index=None if names is None else list(names),
    )
    return table.assign(validation_share=table.validation / (table.train + table.validation))


@dataclasses.dataclass(frozen=True)
class _Groups:
    """Groups in the place of clips."""

    labels: np.ndarray  # (groups, classes): what any of their clips has
    of_clip: np.ndarray  # (clips,): the group's row

    def members(self, rows: np.ndarray) -> np.ndarray:
        """The clips of some groups, sorted."""
        return np.flatnonzero(np.isin(self.of_clip, rows))


def _as_clips(labels: np.ndarray, groups: np.ndarray) -> _Groups | None:
    """The groups as if they were clips; None where every clip is a group of its own, and nothing changes."""
    _, first, of_clip = np.unique(groups, return_index=True, return_inverse=True)
    if len(first) == len(labels):
        return None
    order = np.argsort(np.argsort(first))  # groups stand where their first clips do
    joined = np.zeros((len(first), labels.shape[1]), labels.dtype)
    np.maximum.at(joined, order[of_clip], labels)
    return _Groups(joined, order[of_clip])


def _plain_validation(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    rows = np.random.RandomState(seed).permutation(len(labels))
    return rows[: round(share * len(labels))]


def _iterative_validation(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    from skmultilearn.model_selection import iterative_train_test_split

    # The algorithm itself is random only where two parts want a clip equally: most of the choice lies in the
    # order of the rows.
    random = np.random.RandomState(seed)
    rows = random.permutation(len(labels))
    with _as_global(random):
        _, _, validation, _ = iterative_train_test_split(rows[:, None], labels[rows], test_size=share)
    return validation[:, 0]


@contextlib.contextmanager
def _as_global(random: np.random.RandomState) -> Iterator[None]:
    """Inside, NumPy's global generator, which scikit-multilearn uses, continues where ``random`` stands."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.set_state(random.get_state())  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _require_clips(labels: np.ndarray) -> None:
    if np.ndim(labels) != 2:
        raise ValueError(f"Expected labels of shape (clips, classes). Received shape {np.shape(labels)}.")
    if len(labels) < 2:
        raise DataError(f"expected at least 2 clips to split, received {len(labels)}")
