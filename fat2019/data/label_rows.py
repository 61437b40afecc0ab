"""A table of labels -> its rows, checked: what layouts with tables have in common."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fat2019.data.clip import Clip
from fat2019.data.labels import LabelReader
from fat2019.data.names import file_name, require_files
from fat2019.data.tree import audio_names
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.utils.table_reader import Table, read_lines

# The data set's README: these five curated clips carry another clip's label.
KNOWN_BAD = frozenset({"f76181c4.wav", "77b925c2.wav", "6a1f682a.wav", "c7db12aa.wav", "7752cc8a.wav"})


@dataclasses.dataclass(frozen=True)
class Columns:
    """The names of a table's columns; one that is optional is left out by an empty name."""

    name: str = "fname"
    labels: str = "labels"
    usage: str = ""
    split: str = ""
    fold: str = ""
    group: str = ""


@dataclasses.dataclass(frozen=True)
class LabelRow:
    """A row of a table of labels."""

    where: str  # its place, for messages
    fname: str
    labels: tuple[str, ...]
    usage: str = ""
    split: str = ""
    fold: str = ""
    group: str = ""


def require_table(path: Path) -> None:
    """Check that a table is there for the audio that is.

    Raises:
        DataError: it is not.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file, though there is a folder of audio for it")


def read_rows(
    table: Table,
    columns: Columns,
    labels: LabelReader,
    *,
    name_of: Callable[[str, str], str] = file_name,
    vocabulary: Vocabulary | None = None,
) -> Iterator[LabelRow]:
    """The rows of a table, each checked: a name that occurs once, labels that are some.

    Args:
        table: the table.
        columns: which of its columns are what.
        labels: reads its label cells.
        name_of: (place, cell) -> the name of a clip.
        vocabulary: what labels may be, if that is known.

    Raises:
        DataError: the table, its header or a row is not so.
    """
    used = {field: name for field, name in dataclasses.asdict(columns).items() if name}
    require_columns(table, tuple(used.values()))
    places = {field: table.header.index(name) for field, name in used.items()}
    if not table.rows:
        raise DataError(f"{table.path}: a header without rows")
    seen: set[str] = set()
    for row in table.rows:
        cells, where = {field: row.cells[place] for field, place in places.items()}, table.where(row)
        fname = name_of(where, cells.pop("name"))
        if fname in seen:
            raise DataError(f"{where}: {fname} has a row already")
        seen.add(fname)
        found = labels.read(where, cells.pop("labels"))
        if not found:
            raise DataError(f"{where}: {fname} has no labels")
        if vocabulary:
            _require_known(where, fname, found, vocabulary)
        yield LabelRow(where, fname, found, **{field: cell.strip() for field, cell in cells.items()})


def require_columns(table: Table, names: Sequence[str]) -> None:
    """Check that a table has these columns.

    Raises:
        DataError: it has not.
    """
    missing = [name for name in names if name not in table.header]
    if missing:
        raise DataError(f"{table.path}: no column {' and no column '.join(missing)} in its header {list(table.header)}")


def clips_of(
    table: Path, folder: Path, split: str, rows: Sequence[LabelRow], known_bad: frozenset[str] = frozenset()
) -> tuple[list[Clip], list[tuple[str, str]]]:
    """The clips of a folder of audio that has a table, and (fname, reason) of those left out.

    Raises:
        DataError: rows name files that are not there.
    """
    names = audio_names(folder)
    # Known bad clips go first: whoever has deleted their files must not be told that they are missing.
    kept = [row for row in rows if row.fname not in known_bad]
    require_files(table, folder, [row.fname for row in kept], names)
    clips = [Clip(row.fname, split, folder / row.fname, row.labels, row.usage, row.fold, row.group) for row in kept]
    left_out = [(row.fname, "known to be wrongly labelled") for row in rows if row.fname in known_bad]
    return clips, left_out + not_in_table(table, names, rows)


def not_in_table(table: Path, names: Iterable[str], rows: Iterable[LabelRow]) -> list[tuple[str, str]]:
    """(fname, reason) of the audio that a table does not name."""
    unlisted = set(names).difference(row.fname for row in rows)
    return [(name, f"no row in {table.name}") for name in sorted(unlisted)]


def read_vocabulary(path: Path) -> list[str]:
    """The classes in rows ``index,name``, perhaps with more columns, perhaps under a header.

    Raises:
        DataError: the file is not like that.
    """
    rows = list(read_lines(path))
    if not rows[0].cells[0].isdecimal():
        rows = rows[1:]
    for index, row in enumerate(rows):
        if len(row.cells) < 2 or row.cells[0] != str(index):
            raise DataError(
                f"{path}, line {row.line}: expected {index} and the name of a class, received {list(row.cells)}"
            )
    return [row.cells[1].strip() for row in rows]


def vocabulary_in(path: Path, names: Iterable[str]) -> Vocabulary:
    """A vocabulary whose faults are those of a file.

    Raises:
        DataError: the names are no vocabulary.
    """
    try:
        return Vocabulary(tuple(names))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _require_known(where: str, fname: str, labels: Iterable[str], vocabulary: Vocabulary) -> None:
    try:
        vocabulary.encode(labels)
    except DataError as error:
        raise DataError(f"{where}: {fname}: {error}") from error
