"""Tables in Markdown, by hand: pandas and tabulate would be a dependency more, and pad cells. And names in CSV."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

_LOG = logging.getLogger("fat2019")
_BEGIN_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1) -> str:
    """Lines of a table, the last one with a line break.

    Args:
        heads: of the columns.
        rows: cells as text.
        text_columns: the first columns, which are aligned to the left; the others are numbers.
    """
    rule = "|" + "---|" * text_columns + "---:|" * (len(heads) - text_columns)
    return "".join(f"{line}\n" for line in (_line(heads), rule, *map(_line, rows)))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def say_formulas(path: Path, names: Iterable[str]) -> None:
    """Warn of names in a CSV file that a spreadsheet would run as formulas.

    They are written as they are: whoever scores the file compares names exactly.
    """
    formulas = sorted({name for name in names if name.startswith(_BEGIN_A_FORMULA)})
    if formulas:
        some = ", ".join(map(repr, formulas[:3])) + (", ..." if len(formulas) > 3 else "")
        _LOG.warning("%s: a spreadsheet would read names as formulas (%s): import the columns as text", path, some)
