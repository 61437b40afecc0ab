"""Tables as people keep them, CSV, TSV or JSON lines -> rows of text with their line numbers.

The one reader of every table that comes from outside: labels of data sets, truth, submissions, label cleaning. Cells
stay text, as the file has them: a reader that guesses types turns the file name ``00012`` into 12.
"""

import contextlib
import csv
import dataclasses
import itertools
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from fat2019.errors import DataError

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row, and the line of the file in which it begins."""

    line: int
    cells: tuple[str, ...]  # as many as the header has


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text: at least a header."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def where(self, row: Row) -> str:
        """The place of a row, to begin a message with."""
        return f"{self.path}, line {row.line}"

    def column(self, name: str) -> list[str]:
        """The cells of a column, which must be there."""
        place = self.header.index(name)
        return [row.cells[place] for row in self.rows]


def read_table(path: Path, most_rows: int | None = None) -> Table:
    """Read a table, its format by the suffix: ``.tsv``, ``.jsonl``, and CSV for every other.

    A header of CSV is the first line that is not blank. Objects of JSON lines give a cell a key; lists are joined by
    commas, null is empty.

    Args:
        path: the file.
        most_rows: stop after so many; by default at the end.

    Raises:
        DataError: the file cannot be read, is empty or no such table, or a row has not as many cells as the header.
    """
    if path.suffix.lower() == ".jsonl":
        return _read_json_lines(path, most_rows)
    lines = read_lines(path)
    header = next(lines).cells
    rows = []
    for row in itertools.islice(lines, most_rows):
        if len(row.cells) != len(header):
            raise DataError(
                f"{path}, line {row.line}: expected {len(header)} cells, received {len(row.cells)}, unlike the "
                "header: labels joined by commas must stand in quotes; or was the file cut?"
            )
        rows.append(row)
    return Table(path, header, tuple(rows))


def read_lines(path: Path) -> Iterator[Row]:
    """The lines of a CSV or TSV file that are not blank, at least one, whatever their numbers of cells.

    Raises:
        DataError: the file cannot be read, is empty, or no CSV; a quote is never closed; cells are separated otherwise.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    blank, begins = True, 1
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if cells:
                    if blank:
                        _require_separator(path, begins, ",".join(cells) if len(cells) == 1 else "")
                    blank = False
                    yield Row(begins, tuple(cells))
                begins = reader.line_num + 1
        except csv.Error as error:
            if blank:
                _require_separator(path, begins, _line(path, begins))
            raise DataError(
                f"{path}, line {begins}: cannot be read as CSV: {_why(error, reader.line_num > begins)}"
            ) from error
    if blank:
        raise DataError(f"{path}: an empty file")


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A plain file as UTF-8 text, without the byte order mark that a spreadsheet puts before it.

    Raises:
        DataError: it cannot be read, is no plain file, or no such text, at whatever line that turns out.
    """
    try:
        # A FIFO without a writer would keep the opening waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            os.close(descriptor)
            found = "a folder" if stat.S_ISDIR(kind) else "no plain file"
            raise DataError(f"{path}: cannot be read: it is {found}, where a table is expected")
        with os.fdopen(descriptor, encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: save it as CSV in UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _require_separator(path: Path, line: int, header: str) -> None:
    for separator, name in _SEPARATORS.items():
        if separator in header:
            raise DataError(f"{path}, line {line}: cells separated by {name}: save it as CSV with commas")


def _line(path: Path, number: int) -> str:
    with open_text(path) as file:
        for line, text in enumerate(file, start=1):
            if line == number:
                return text
    return ""


def _why(error: csv.Error, over_lines: bool) -> str:
    """The likely mistake, where the reader's own words name its effect.

    Args:
        error: what the reader said.
        over_lines: whether the row went on over the end of its first line, as it does after an open quote.
    """
    text = str(error)
    if "field limit" in text and not over_lines:
        return f"a cell is longer than {csv.field_size_limit():,} characters"
    if "field limit" in text or "unexpected end" in text or "expected after" in text:
        return "a quote is opened there and not closed, or stands within a cell (there it is written twice)"
    return text


def _read_json_lines(path: Path, most_rows: int | None) -> Table:
    with open_text(path) as file:
        objects = (_json_object(path, line, text) for line, text in enumerate(file, start=1) if text.strip())
        records = list(itertools.islice(objects, most_rows))
    if not records:
        raise DataError(f"{path}: an empty file")
    header = tuple(dict.fromkeys(key for _, record in records for key in record))
    return Table(
        path, header, tuple(Row(line, tuple(_cell(record.get(key)) for key in header)) for line, record in records)
    )


def _json_object(path: Path, line: int, text: str) -> tuple[int, dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {line}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {line}: expected a JSON object, received {text.strip()[:40]}")
    return line, value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(map(_cell, value)) if isinstance(value, list) else str(value)
