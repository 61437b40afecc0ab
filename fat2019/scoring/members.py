"""What the runs of an ensemble must have in common."""

from collections.abc import Sequence

from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.store.reader import FeatureStore


def require_same_classes(first: Run, other: Run) -> None:
    """Check that the scores of two runs have the same columns.

    Raises:
        DataError: they have not.
    """
    if other.vocabulary != first.vocabulary:
        raise DataError(
            f"{other.path}: its vocabulary is not that of {first.path} ({len(other.vocabulary)} and "
            f"{len(first.vocabulary)} classes): scores cannot be averaged"
        )


def require_same_recordings(first: FeatureStore, other: FeatureStore, fnames: Sequence[str]) -> None:
    """Check that clips of the same names are the same recordings in two stores, whose features may differ.

    Raises:
        DataError: one has another length or sample rate.
    """
    if other.path.resolve() == first.path.resolve():
        return
    columns = ["source_samples", "source_rate_hz"]
    ours, theirs = (store.clips.set_index("fname")[columns] for store in (first, other))
    shared = [fname for fname in fnames if fname in ours.index and fname in theirs.index]
    different = (ours.loc[shared] != theirs.loc[shared]).any(axis=1)
    if different.any():
        raise DataError(
            f"{other.path}: {int(different.sum())} clips are other recordings than those of the same names in "
            f"{first.path}, the first {different.idxmax()}: scores cannot be averaged"
        )
