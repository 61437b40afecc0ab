"""A data set on disk -> the list of its clips.

Two layouts are known by their folders. Kaggle's has ``train_curated/``, ``train_noisy/`` and ``test/``
beside ``train_curated.csv``, ``train_noisy.csv`` and ``sample_submission.csv``. Zenodo's (record 3612637)
has ``FSDKaggle2019.audio_*/`` and ``FSDKaggle2019.meta/``, and gives the labels of the test clips as well.
A part counts as there when its audio folder is; any part may be missing as long as one with labels is left.

Audio is not opened here, only listed: one scan of each folder, however many clips it has.
"""

import csv
import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fat2019.config.features import SPLITS
from fat2019.data.vocabulary import Vocabulary, parse_labels
from fat2019.errors import DataError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

# The data set's README: these five curated clips carry another clip's label.
KNOWN_BAD = frozenset({"f76181c4.wav", "77b925c2.wav", "6a1f682a.wav", "c7db12aa.wav", "7752cc8a.wav"})


@dataclasses.dataclass(frozen=True)
class Clip:
    """One recording: where it is, and what is said to be heard in it."""

    fname: str
    split: str  # one of config.SPLITS
    path: Path
    labels: tuple[str, ...]  # sorted; empty when unknown
    usage: str  # Zenodo's test clips: "Public" or "Private"; otherwise empty


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The clips of one folder, sorted by split, then file name."""

    root: Path
    layout: str  # "kaggle" or "zenodo"
    vocabulary: Vocabulary
    clips: tuple[Clip, ...]
    left_out: tuple[tuple[str, str], ...]  # (fname, reason)
    sample_submission: Path | None


def find_data_set(root: Path | str, *, splits: Sequence[str] | None = None, keep_known_bad: bool = False) -> DataSet:
    """List the clips below ``root``.

    Args:
        root: the folder that holds the audio folders and the CSV files.
        splits: the parts wanted, each of which must be there; by default those that are there.
        keep_known_bad: keep the curated clips known to be wrongly labelled.

    Returns:
        The data set. Test clips in Kaggle's layout are the audio files in ``test/``: rows of the sample
        submission may differ from them, and are matched only when a submission is written.

    Raises:
        DataError: the folder, a CSV file or a row of one is not as described above.
    """
    root = Path(root)
    layout = _find_layout(root)
    wanted = _parts(root, layout, splits)
    # Before the vocabulary, which may be taken from the tables: it would be said to be empty.
    _require_tables(root / layout.tables[split] for split in wanted if split in layout.tables)
    vocabulary = _find_vocabulary(root, layout)
    clips: list[Clip] = []
    left_out: list[tuple[str, str]] = []
    for split in wanted:
        if split in layout.tables:
            known_bad = KNOWN_BAD if split == "curated" and not keep_known_bad else frozenset()
            found, refused = _labelled_clips(root, layout, split, vocabulary, known_bad)
            clips += found
            left_out += refused
        else:
            folder = root / layout.folders[split]
            clips += [Clip(name, split, folder / name, (), "") for name in _audio_names(folder)]
    sample = root / _KAGGLE.classes
    return DataSet(
        root=root,
        layout=layout.name,
        vocabulary=vocabulary,
        clips=tuple(sorted(clips, key=lambda clip: (clip.split, clip.fname))),
        left_out=tuple(left_out),
        sample_submission=sample if sample.is_file() else None,
    )


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where a layout keeps its things, relative to the root."""

    name: str
    folders: dict[str, str]  # split -> audio folder
    tables: dict[str, str]  # split -> CSV of labels, for the splits that have labels
    classes: str  # the file that names the classes in order


_KAGGLE = _Layout(
    name="kaggle",
    folders={"curated": "train_curated", "noisy": "train_noisy", "test": "test"},
    tables={"curated": "train_curated.csv", "noisy": "train_noisy.csv"},
    classes="sample_submission.csv",
)
_ZENODO = _Layout(
    name="zenodo",
    folders={
        "curated": "FSDKaggle2019.audio_train_curated",
        "noisy": "FSDKaggle2019.audio_train_noisy",
        "test": "FSDKaggle2019.audio_test",
    },
    tables={
        "curated": "FSDKaggle2019.meta/train_curated_post_competition.csv",
        "noisy": "FSDKaggle2019.meta/train_noisy_post_competition.csv",
        "test": "FSDKaggle2019.meta/test_post_competition.csv",
    },
    classes="FSDKaggle2019.meta/vocabulary.csv",
)


_PATH_CHARACTERS = frozenset("/\\\0")


@dataclasses.dataclass(frozen=True)
class _Row:
    fname: str
    labels: tuple[str, ...]
    usage: str


def _find_layout(root: Path) -> _Layout:
    if not root.exists():
        raise DataError(f"{root}: no such folder")
    if not root.is_dir():
        raise DataError(f"{root}: a file, where the folder of a data set is expected")
    layout = _layout_of(root)
    if layout is None:
        raise DataError(f"{root}: no data set: {_likely_mistake(root)}")
    return layout


def _layout_of(folder: Path) -> _Layout | None:
    for layout in (_KAGGLE, _ZENODO):
        if any((folder / name).is_dir() for name in layout.folders.values()):
            return layout
    return None


def _likely_mistake(root: Path) -> str:
    names = _scan(root)
    deeper = sorted(name for name in names if (root / name).is_dir() and _layout_of(root / name))
    if deeper:
        return f"it is one level deeper: {root / deeper[0]}"
    archives = sorted(name for name in names if name.lower().endswith(".zip"))
    if archives:
        stem = archives[0][: -len(".zip")]
        return f"unzip its archives first, each into a folder of its name: unzip {archives[0]} -d {stem}"
    return (
        f"neither Kaggle's {_KAGGLE.folders['curated']}/ with {_KAGGLE.tables['curated']}, "
        f"nor Zenodo's {_ZENODO.folders['curated']}/ with {_ZENODO.tables['curated']}, nor their like"
    )


def _parts(root: Path, layout: _Layout, splits: Sequence[str] | None) -> list[str]:
    unknown = set(splits or ()).difference(SPLITS)
    if unknown:
        raise DataError(f"splits: expected some of {SPLITS}, received {sorted(unknown)}")
    there = [split for split in SPLITS if (root / layout.folders[split]).is_dir()]
    if splits is None:
        if not any(split in layout.tables for split in there):
            looked_for = " nor ".join(f"{layout.folders[split]}/" for split in layout.tables)
            raise DataError(f"{root}: no clips with labels: found neither {looked_for}")
        return there
    missing = [layout.folders[split] for split in SPLITS if split in splits and split not in there]
    if missing:
        raise DataError(f"{root / missing[0]}: no such folder, but its clips are asked for")
    return [split for split in SPLITS if split in splits]


def _require_tables(paths: Iterable[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file, though there is a folder of audio for it")


def _labelled_clips(
    root: Path, layout: _Layout, split: str, vocabulary: Vocabulary, known_bad: frozenset[str]
) -> tuple[list[Clip], list[tuple[str, str]]]:
    """The clips of a part that has a CSV file, and (fname, reason) of those left out."""
    folder, table = root / layout.folders[split], root / layout.tables[split]
    names = _audio_names(folder)
    rows = list(_read_rows(table, vocabulary))
    # Known bad clips go first: whoever has deleted their files must not be told that they are missing.
    kept = [row for row in rows if row.fname not in known_bad]
    _require_files(table, folder, kept, names)
    clips = [Clip(row.fname, split, folder / row.fname, row.labels, row.usage) for row in kept]
    left_out = [(row.fname, "known to be wrongly labelled") for row in rows if row.fname in known_bad]
    unlisted = set(names).difference(row.fname for row in rows)
    return clips, left_out + [(name, f"no row in {table.name}") for name in sorted(unlisted)]


def _find_vocabulary(root: Path, layout: _Layout) -> Vocabulary:
    """The classes in the order of the submission's columns, else alphabetical: the same thing."""
    path = root / layout.classes
    if path.is_file():
        names = _names_in_vocabulary(path) if layout is _ZENODO else _names_in_sample(path)
    else:
        # From every table, whichever parts are wanted: a class must keep its index.
        tables = [root / name for name in layout.tables.values() if (root / name).is_file()]
        if not tables:
            raise DataError(f"{path}: no such file, nor a table of labels, to take the classes from")
        names = sorted({label for table in tables for row in _read_rows(table) for label in row.labels})
    try:
        return Vocabulary(tuple(names))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _names_in_sample(path: Path) -> list[str]:
    header = next(_read_csv(path))[1]
    if header[0] != "fname" or len(header) < 2:
        raise DataError(f"{path}: expected the header fname and one column a class, received {header[:3]}")
    return header[1:]


def _names_in_vocabulary(path: Path) -> list[str]:
    """Rows ``index,name``, perhaps with more columns, perhaps under a header."""
    rows = list(_read_csv(path))
    if not rows[0][1][0].isdecimal():
        rows = rows[1:]
    for index, (line, row) in enumerate(rows):
        if len(row) < 2 or row[0] != str(index):
            raise DataError(f"{path}, line {line}: expected {index} and the name of a class, received {row}")
    return [row[1].strip() for _, row in rows]


def _read_rows(table: Path, vocabulary: Vocabulary | None = None) -> Iterator[_Row]:
    """The rows of a CSV with the columns ``fname`` and ``labels``, each checked."""
    lines = _read_csv(table)
    header = next(lines)[1]
    missing = [name for name in ("fname", "labels") if name not in header]
    if missing:
        hint = " (is it separated by semicolons?)" if ";" in header[0] else ""
        raise DataError(f"{table}: no column {' and no column '.join(missing)} in its header {header}{hint}")
    fname_at, labels_at = header.index("fname"), header.index("labels")
    usage_at = header.index("usage") if "usage" in header else None
    seen: set[str] = set()
    for line, cells in lines:
        where = f"{table}, line {line}"
        if len(cells) != len(header):
            raise DataError(
                f"{where}: expected {len(header)} cells, received {len(cells)} "
                "(labels joined by commas must stand in quotes)"
            )
        fname = _safe_name(where, cells[fname_at])
        if fname in seen:
            raise DataError(f"{where}: {fname} has a row already")
        seen.add(fname)
        labels = parse_labels(cells[labels_at])
        if not labels:
            raise DataError(f"{where}: {fname} has no labels")
        if vocabulary:
            _require_known(where, fname, labels, vocabulary)
        yield _Row(fname, labels, "" if usage_at is None else cells[usage_at].strip())
    if not seen:
        raise DataError(f"{table}: a header without rows")


def _safe_name(where: str, cell: str) -> str:
    """The file name in a cell, with ``.wav`` added when it has no audio suffix; never a path."""
    if not cell or cell in (".", "..") or not _PATH_CHARACTERS.isdisjoint(cell):
        raise DataError(f"{where}: expected the name of a file in the audio folder, received {cell!r}")
    return cell if cell.lower().endswith(AUDIO_SUFFIXES) else f"{cell}.wav"


def _require_known(where: str, fname: str, labels: Iterable[str], vocabulary: Vocabulary) -> None:
    try:
        vocabulary.encode(labels)
    except DataError as error:
        raise DataError(f"{where}: {fname}: {error}") from error


def _read_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of each line that is not blank: at least one."""
    blank = True
    try:
        # A spreadsheet may put a byte order mark before the header; utf-8-sig drops it.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for cells in reader:
                if cells:
                    blank = False
                    yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: save it as CSV in UTF-8") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error
    if blank:
        raise DataError(f"{path}: an empty file")


def _require_files(table: Path, folder: Path, rows: Sequence[_Row], names: Iterable[str]) -> None:
    there = frozenset(names)
    missing = [row.fname for row in rows if row.fname not in there]
    if missing:
        first = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(
            f"{table}: {len(missing)} of {len(rows)} rows name files that are not in {folder} "
            f"({first}): was the archive unpacked whole?"
        )


def _audio_names(folder: Path) -> list[str]:
    names = sorted(name for name in _scan(folder) if name.lower().endswith(AUDIO_SUFFIXES))
    if not names:
        raise DataError(f"{folder}: no audio files ({', '.join(AUDIO_SUFFIXES)})")
    return names


def _scan(folder: Path) -> list[str]:
    """Names in a folder, less the hidden ones (macOS leaves ``._x.wav`` beside ``x.wav`` when unzipping)."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error
