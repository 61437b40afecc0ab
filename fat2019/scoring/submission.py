"""Clip scores -> the CSV file for Kaggle, and back from such files.

A submission is a CSV file with the header ``fname`` and the class names, and one row per clip: its file name
with ``.wav``, then one score a class. Rows and columns stand in the order of ``sample_submission.csv``.
Scores are written with all their digits: LWLRAP looks only at their order, and rounding makes ties.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fat2019.data.labels import LabelReader
from fat2019.data.names import file_name
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.scoring.ensembles import combine
from fat2019.scoring.means import Mean
from fat2019.utils.files import write_whole
from fat2019.utils.table_reader import Table, read_table
from fat2019.utils.tables import say_formulas

if TYPE_CHECKING:
    import pandas as pd


def write_submission(
    path: Path, fnames: Sequence[str], scores: np.ndarray, vocabulary: Vocabulary, sample_path: Path | None = None
) -> None:
    """Write the scores ``(clips, classes)`` of these clips as a submission, whole or not at all.

    Rows and columns are put in the sample's order, where there is one. A file name without an extension
    gets ``.wav``.

    Raises:
        DataError: clips or classes are not exactly the sample's, a clip occurs twice, a score is NaN or
            infinite, or the file cannot be written.
        ValueError: the shape of ``scores`` is not ``(len(fnames), len(vocabulary))``.
    """
    import pandas as pd

    if np.shape(scores) != (len(fnames), len(vocabulary)):
        raise ValueError(
            f"Expected scores of shape ({len(fnames)}, {len(vocabulary)}). Received shape {np.shape(scores)}."
        )
    rows = _rows(fnames)
    table = pd.DataFrame(np.asarray(scores), index=rows, columns=list(vocabulary.names))
    _require_unique(path, rows)
    _require_finite(path, table)
    if sample_path is not None:
        sample = matching_sample(sample_path, fnames, vocabulary)
        table = table.loc[sample.index, sample.columns]
    write_whole(Path(path), table.to_csv(lineterminator="\n"))
    say_formulas(path, (*table.index, *table.columns))


def matching_sample(path: Path, fnames: Sequence[str], vocabulary: Vocabulary) -> "pd.DataFrame":
    """A sample, its rows by ``fname``, that asks for exactly these clips and classes.

    Raises:
        DataError: it asks for others, or is no submission.
    """
    import pandas as pd

    sample = read_sample(path).set_index("fname")
    _require_same("clips", _rows(fnames), sample.index, path)
    _require_same("classes", pd.Index(vocabulary.names), sample.columns, path)
    return sample


def _rows(fnames: Sequence[str]) -> "pd.Index":
    import pandas as pd

    return pd.Index([name if "." in name else f"{name}.wav" for name in fnames], name="fname", dtype=object)


def average_files(
    paths: Sequence[Path], out: Path, mean: Mean = "arithmetic", weights: Sequence[float] | None = None
) -> None:
    """Write the mean of submissions, from their CSV files alone; rows and columns in the order of the first.

    Raises:
        DataError: no file, a file that is no submission, files with different clips or classes, weights
            that do not fit, or values that are no probabilities for the geometric mean.
    """
    if not paths:
        raise DataError("no submission to average: expected at least one CSV file")
    tables = [_read_scores(path) for path in paths]
    first = tables[0]
    for path, table in zip(paths, tables, strict=True):
        _require_same("clips", table.index, first.index, paths[0], path)
        _require_same("classes", table.columns, first.columns, paths[0], path)
    aligned = [table.loc[first.index, first.columns].to_numpy() for table in tables]
    try:
        scores = combine(aligned, mean, weights)
    except ValueError as error:
        raise DataError(f"{', '.join(map(str, paths))}: {error}") from error
    write_submission(out, list(first.index), scores, Vocabulary(tuple(first.columns)))


def read_sample(path: Path) -> "pd.DataFrame":
    """A submission as its file has it: ``fname`` and one column per class, all as text, in the file's order.

    Raises:
        DataError: the file is not readable, empty, or no submission; a clip or a class occurs twice.
    """
    table = _read_frame(path)
    if table.columns[0] != "fname" or len(table.columns) < 2:
        raise DataError(
            f"{path}: expected the header 'fname' and the class names, received "
            f"{', '.join(table.columns[:3])}: is this a submission?"
        )
    try:
        Vocabulary(tuple(table.columns))
    except DataError as error:
        raise DataError(f"{path}: header: {error}") from error
    _require_unique(path, table["fname"])
    return table


def read_truth(path: Path, vocabulary: Vocabulary) -> "pd.DataFrame":
    """The labels of clips from a CSV file with the columns ``fname`` and ``labels``; others are ignored.

    Names and labels are read by the rules of training tables: ``.wav`` may be missing.

    Returns:
        the columns ``fname`` and ``labels``, the latter tuples of class names.

    Raises:
        DataError: the file is not readable or empty, a column is missing, a clip occurs twice, or a label is
            not in the vocabulary.
    """
    import pandas as pd

    table, labels = _filled(Path(path)), LabelReader(frozenset(vocabulary.names))
    header = list(table.header)
    if header.count("fname") != 1 or header.count("labels") != 1:
        raise DataError(f"{path}: expected the columns fname and labels, received {', '.join(header)}")
    rows = []
    for row, fname, cell in zip(table.rows, table.column("fname"), table.column("labels"), strict=True):
        where = table.where(row)
        name, of_clip = file_name(where, fname), labels.read(where, cell)
        try:
            vocabulary.encode(of_clip)
        except DataError as error:
            raise DataError(f"{where}: {name}: {error}") from error
        rows.append((name, of_clip))
    truth = pd.DataFrame(
        {"fname": [name for name, _ in rows], "labels": pd.Series([of for _, of in rows], dtype=object)}
    )
    _require_unique(path, truth["fname"])
    return truth


def _read_scores(path: Path) -> "pd.DataFrame":
    """The scores of a submission as float64, rows by clip, columns by class."""
    table = read_sample(path).set_index("fname")
    try:
        table = table.astype(np.float64)
    except ValueError as error:
        raise DataError(f"{path}: expected a number in every class column: {error}") from error
    _require_finite(path, table)
    return table


def _read_frame(path: Path) -> "pd.DataFrame":
    """Every cell as text: pandas' own reader renames columns that occur twice and fills up short rows."""
    import pandas as pd

    table = _filled(Path(path))
    return pd.DataFrame([row.cells for row in table.rows], columns=list(table.header), dtype=str)


def _filled(path: Path) -> Table:
    table = read_table(path)
    if not table.rows:
        raise DataError(f"{path}: is empty: expected a header and at least one row")
    return table


def _require_unique(path: Path, fnames: "pd.Index | pd.Series") -> None:
    twice = fnames[fnames.duplicated()]
    if len(twice):
        raise DataError(f"{path}: {len(twice)} clips occur more than once: {_some(twice)}")


def _require_finite(path: Path, table: "pd.DataFrame") -> None:
    bad = np.argwhere(~np.isfinite(table.to_numpy()))
    if len(bad):
        clip, column = bad[0]
        raise DataError(
            f"{path}: {len(bad)} scores are NaN or infinite, the first of {table.index[clip]}, "
            f"{table.columns[column]}: did the training diverge?"
        )


def _require_same(
    what: str, ours: "pd.Index", sample: "pd.Index", sample_path: Path, path: Path | str = "the scores"
) -> None:
    missing, extra = sample.difference(ours, sort=False), ours.difference(sample, sort=False)
    if len(missing):
        raise DataError(
            f"{path}: {len(missing)} of the {len(sample)} {what} of {sample_path} are missing: {_some(missing)}"
        )
    if len(extra):
        raise DataError(f"{path}: {len(extra)} of its {len(ours)} {what} are not in {sample_path}: {_some(extra)}")


def _some(names: "pd.Index | pd.Series") -> str:
    return ", ".join(list(names[:3])) + (", ..." if len(names) > 3 else "")
