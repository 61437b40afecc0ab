"""One table beside or above the audio: a column of names, a column of labels."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import Columns, LabelRow, read_rows
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set, passed_over, split_of
from fat2019.data.names import clip_name, missing_files, relative_path
from fat2019.data.own_split import own_split
from fat2019.data.tree import Tree, base_name
from fat2019.errors import DataError
from fat2019.utils.table_reader import Table, read_table

USUAL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("filename", "fname", "file_name", "file", "path", "filepath", "file_path", "slice_file_name", "audio"),
    "labels": ("labels", "label", "class", "category", "classes", "categories", "tags", "tag"),
    "split": ("split", "subset", "partition"),
    "fold": ("fold",),
    "group": ("group", "fsid", "src_file", "uploader", "speaker", "speaker_id", "recording", "recording_id", "session"),
}
_MOST_TABLES = 20  # looked into
_PEEKED_ROWS = 20


class OneTable(Layout):
    """A CSV, TSV or JSON-lines file with the names of the clips, or their paths, and their labels.

    Columns have one of their usual names, or are named by ``--columns``. The table may lie anywhere in the folder, and
    the audio too: a name fits the file whose path ends with it. Tables called ``train``, ``val`` and ``test`` are the
    data set's own parts.
    """

    name = "table"
    looks_like = "a table (CSV, TSV, JSON lines) with a column of names (filename, ...) and one of labels (label, ...)"
    has_own_names = False
    takes_columns = True

    def fits(self, tree: Tree, options: Options) -> bool:
        return bool(_fitting(tree, options)[0])

    def misses(self, tree: Tree, options: Options) -> str | None:
        return next(iter(_fitting(tree, options)[1]), None)

    def read(self, tree: Tree, options: Options) -> DataSet:
        paths, reasons = _fitting(tree, options)
        if not paths:
            raise DataError(f"{tree.root}: no table of its clips: {next(iter(reasons), 'there is no table at all')}")
        parts = {path: own_split(_part_word(path)) for path in paths}
        if len(paths) > 1 and not all(parts.values()):
            raise DataError(
                f"{tree.root}: {paths[0]} and {paths[1]} both look like the table of its clips: take one of them away, "
                "or call them train, val and test"
            )
        labels, files = LabelReader(), _Files(tree.audio)
        clips: list[Clip] = []
        for path in paths:
            clips += _clips(tree, path, options, labels, files, parts[path] or ("curated", ""))
        unlisted = set(tree.audio).difference(str(clip.path.relative_to(tree.root)) for clip in clips)
        left_out = [(path, f"no row in {' or '.join(paths)}") for path in sorted(unlisted)]
        notes = (*labels.notes(), *passed_over(tree))
        return data_set(tree, self, options, clips, left_out=left_out, notes=notes)


def columns_of(table: Table, options: Options) -> Columns:
    """Which columns of a table are what: by the options, else by their usual names, case and blanks aside.

    Raises:
        DataError: names or labels are in none, or a column named in the options is not there.
    """
    found = {}
    by_name = {name.strip().lower(): name for name in reversed(table.header)}
    for field, usual in USUAL_COLUMNS.items():
        if field in options.columns:
            found[field] = options.columns[field]
            if found[field] not in table.header:
                raise DataError(f"{table.path}: columns: no column {found[field]!r} in its header {list(table.header)}")
        else:
            found[field] = next((by_name[name] for name in usual if name in by_name), "")
    for field in ("name", "labels"):
        if not found[field]:
            raise DataError(
                f"{table.path}: none of its columns ({', '.join(table.header[:8])}) has a usual name for {field} "
                f"({', '.join(USUAL_COLUMNS[field][:4])}, ...): name it by --columns {field}=..."
            )
    return Columns(**found)


class _Files:
    """Finds the audio files that names or paths in a table mean."""

    def __init__(self, audio: Sequence[str]) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in audio:
            name = base_name(path)
            for key in {name, PurePosixPath(name).stem}:
                self._by_name.setdefault(key, []).append(path)
        self.names = frozenset(base_name(path) for path in audio)

    def fitting(self, name: str) -> list[str]:
        """The files whose path ends with a name, with or without its suffix."""
        exact = [path for path in self._by_name.get(base_name(name), ()) if f"/{path}".endswith(f"/{name}")]
        return exact or [
            path
            for path in self._by_name.get(base_name(name), ())
            if f"/{path}".endswith(f"/{name}{PurePosixPath(path).suffix}")
        ]


def _clips(
    tree: Tree, path: str, options: Options, labels: LabelReader, files: _Files, part: tuple[str, str]
) -> list[Clip]:
    table = read_table(tree.root / path)
    rows = list(read_rows(table, columns_of(table, options), labels, name_of=relative_path))
    fitting = [files.fitting(row.fname) for row in rows]
    missing = [row.fname for row, found in zip(rows, fitting, strict=True) if not found]
    if missing:
        raise missing_files(table.path, tree.root, len(rows), missing, files.names)
    return [_clip(tree, row, found, part) for row, found in zip(rows, fitting, strict=True)]


def _clip(tree: Tree, row: LabelRow, found: Sequence[str], part: tuple[str, str]) -> Clip:
    if len(found) > 1:
        raise DataError(
            f"{row.where}: {row.fname} fits {found[0]} and {found[1]}: write the path, or the suffix, that tells them "
            "apart"
        )
    split, fold = split_of(row, part)
    suffix = PurePosixPath(found[0]).suffix
    name = row.fname if row.fname.endswith(suffix) else row.fname + suffix
    return Clip(clip_name(name), split, tree.root / found[0], row.labels, "", fold, row.group)


def _fitting(tree: Tree, options: Options) -> tuple[list[str], list[str]]:
    """The tables that name audio which is there, and why the others do not."""
    paths, reasons = [], []
    files = _Files(tree.audio)
    for path in sorted(tree.tables, key=lambda path: (path.count("/"), path))[:_MOST_TABLES]:
        try:
            table = read_table(tree.root / path, most_rows=_PEEKED_ROWS)
            columns = columns_of(table, options)
        except DataError as error:
            reasons.append(str(error))
            continue
        names = table.column(columns.name)
        if any(files.fitting(_path(name)) for name in names):
            paths.append(path)
        else:
            reasons.append(f"{tree.root / path}: none of the names in its column {columns.name} is a file here")
    return paths, reasons


def _path(cell: str) -> str:
    return cell.strip().replace("\\", "/").removeprefix("./")


def _part_word(path: str) -> str:
    """Of ``meta/train_labels.csv``, ``train``; the stem itself where no word of it names a part."""
    stem = PurePosixPath(path).stem
    words = stem.replace("-", "_").split("_")
    return next((word for word in words if own_split(word)), stem)
