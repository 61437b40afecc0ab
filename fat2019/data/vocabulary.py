"""Class names: the vocabulary, multi-hot vectors, and the label cells of the data set's CSV files.

The order of the names is the order of every ``(classes,)`` axis and of the submission's columns: that of
``sample_submission.csv``, which is a plain sort by code point (capitals before small letters, ``_`` between).
"""

import dataclasses
import difflib
import functools
from collections import Counter
from collections.abc import Iterable

import numpy as np

from fat2019.errors import DataError


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The class names, in the order of the class axis.

    Raises:
        DataError: there is no name, a name occurs twice, or a name could not be read back from a label cell
            (it is empty, holds a comma, or begins or ends with a blank).
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise DataError("the vocabulary is empty: expected at least one class name")
        for name in self.names:
            if parse_labels(name) != (name,):
                raise DataError(
                    f"the vocabulary holds {name!r}: expected names that are not empty, without "
                    "commas and without blanks around them"
                )
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise DataError(f"the vocabulary holds {twice[0]!r} more than once")

    def __len__(self) -> int:
        return len(self.names)

    def encode(self, labels: Iterable[str]) -> np.ndarray:
        """Labels -> multi-hot vector ``(classes,)`` uint8.

        Raises:
            DataError: a label is not in the vocabulary.
        """
        vector = np.zeros(len(self), np.uint8)  # (classes,)
        for label in labels:
            if label not in self._index:
                raise DataError(f"unknown label {label!r}: expected one of the {len(self)} classes" + self._hint(label))
            vector[self._index[label]] = 1
        return vector

    def decode(self, vector: np.ndarray) -> tuple[str, ...]:
        """Multi-hot vector ``(classes,)`` -> the names of its non-zero entries, in the vocabulary's order."""
        vector = np.asarray(vector)
        if vector.shape != (len(self),):
            raise ValueError(f"Expected a vector of shape ({len(self)},). Received shape {vector.shape}.")
        return tuple(self.names[index] for index in np.flatnonzero(vector))

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def _hint(self, label: str) -> str:
        close = difflib.get_close_matches(label, self.names, n=1)
        return f" (did you mean {close[0]!r}?)" if close else ""


def parse_labels(cell: str) -> tuple[str, ...]:
    """The labels of a CSV cell ``"B, A"``, stripped, each once, sorted; none of an empty cell."""
    return tuple(sorted({label.strip() for label in cell.split(",")} - {""}))
