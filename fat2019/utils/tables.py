"""Tables in Markdown. By hand: pandas and tabulate would be one more dependency, and pad every cell."""

from collections.abc import Iterable, Sequence


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
