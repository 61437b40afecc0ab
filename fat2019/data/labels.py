"""Label cells -> labels, normalised by documented rules, so that no two classes look alike.

A label is normalised: to Unicode's composed form (NFC), without invisible characters (soft hyphens, zero-width marks),
with single blanks inside and none around. A cell holds several labels joined by commas, semicolons or vertical bars,
or a Python list of them. Control characters, line breaks, and what programs write for an empty cell (``nan``) are
refused, and so are two labels that differ in case, blanks, ``_`` and ``-`` alone. A data set's own vocabulary overrules
all of it: what stands there is a label.
"""

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable

from fat2019.data.vocabulary import parse_labels
from fat2019.errors import DataError

_EMPTY_CELLS = frozenset({"nan", "<na>", "null", "n/a"})
_JOINTS = re.compile("[;|]")
_ALIKE = re.compile(r"[\s_-]+")


class LabelReader:
    """Reads the label cells of a data set, and counts what it had to change.

    Args:
        classes: the data set's vocabulary, if it states one.
    """

    def __init__(self, classes: Container[str] = ()) -> None:
        self._classes = classes
        self._changes: Counter[str] = Counter()
        self._places: dict[str, tuple[str, str]] = {}  # how a label looks -> itself, and where it was met first

    def read(self, where: str, cell: str) -> tuple[str, ...]:
        """The labels of a cell, sorted, each once.

        Args:
            where: the place of the cell, for messages.
            cell: its text.

        Raises:
            DataError: a label is refused, or looks like another one that was read before.
        """
        plain = parse_labels(cell)
        if plain and all(label in self._classes for label in plain):
            return plain
        parts = self._parts(where, cell)
        labels = tuple(sorted({self._label(where, part) for part in parts} - {""}))
        for label in labels:
            self._require_distinct(where, label)
        return labels

    def name(self, where: str, name: str) -> str:
        """The label that a folder's name is: one, whatever characters join labels in cells.

        Raises:
            DataError: as :meth:`read`, or the name holds a comma.
        """
        if "," in name:
            raise DataError(f"{where}: a class name must not hold a comma, which joins labels: rename the folder")
        label = self._label(where, name)
        self._require_distinct(where, label)
        return label

    def notes(self) -> tuple[str, ...]:
        """A line for each kind of change."""
        return tuple(f"{count} labels {change}" for change, count in sorted(self._changes.items()))

    def _parts(self, where: str, cell: str) -> Iterable[str]:
        text = cell.strip()
        if text.startswith("[") and text.endswith("]"):
            self._changes["were read from Python lists"] += 1
            return _list_of(where, text)
        parts = [part for part in cell.split(",") if part.strip()]
        if not any(_JOINTS.search(part) and part.strip() not in self._classes for part in parts):
            return parts
        self._changes["were joined by ';' or '|', which is read like a comma"] += 1
        return [label for part in parts for label in _JOINTS.split(part)]

    def _label(self, where: str, text: str) -> str:
        stripped = text.strip(" ")
        if stripped.isascii() and stripped.isprintable() and "  " not in stripped:
            label = stripped
        else:
            label = self._normalised(where, stripped)
        if label.casefold() in _EMPTY_CELLS and label not in self._classes:
            raise DataError(f"{where}: the label {label!r} is what programs write for an empty cell: give a label")
        return label

    def _normalised(self, where: str, text: str) -> str:
        kinds = {unicodedata.category(character) for character in text.strip()}
        if "Cs" in kinds:
            raise DataError(f"{where}: the label {text[:60]} is not UTF-8: rename it")
        if kinds & {"Cc", "Zl", "Zp"}:
            raise DataError(f"{where}: the label {text[:60]!r} holds a line break or another control character")
        composed = unicodedata.normalize("NFC", text)
        visible = "".join(character for character in composed if unicodedata.category(character) != "Cf")
        label = " ".join(visible.split())
        self._changes["were brought to Unicode's composed form"] += composed != text
        self._changes["had invisible characters, which were dropped"] += visible != composed
        self._changes["had blanks of other kinds or several at once, which became one"] += label != visible
        self._changes = +self._changes
        return label

    def _require_distinct(self, where: str, label: str) -> None:
        if label in self._classes:
            return
        look = _ALIKE.sub("", unicodedata.normalize("NFKC", label).casefold())
        other, first = self._places.setdefault(look, (label, where))
        if other != label:
            raise DataError(
                f"{where}: the label {label!r} looks like {other!r} ({first}): is it the same class? Spell both alike"
            )


def _list_of(where: str, text: str) -> list[str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = [part.strip().strip("'\"") for part in text[1:-1].split(",")]  # [Dog, Cat], as some write it
    if not isinstance(value, list) or not all(isinstance(label, str) and "," not in label for label in value):
        raise DataError(f"{where}: expected labels joined by commas, received {text[:60]!r}")
    return value
