"""FSD50K: 51,197 clips of 200 classes (Zenodo record 4060432), with a validation and an evaluation part of its own."""

import dataclasses
from pathlib import Path

from fat2019.data.clip import VALIDATION_FOLD, Clip, DataSet
from fat2019.data.label_rows import (
    Columns,
    LabelRow,
    clips_of,
    read_rows,
    read_vocabulary,
    require_table,
    vocabulary_in,
)
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set
from fat2019.data.tree import Tree
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.utils.files import read_json
from fat2019.utils.table_reader import read_table

_PREFIX = "FSD50K."
_TABLES = f"{_PREFIX}ground_truth"
_FOLDS = {"train": "", "val": VALIDATION_FOLD}  # the column split -> Clip.fold


class Fsd50k(Layout):
    """``FSD50K.dev_audio/``, ``FSD50K.eval_audio/``, ``FSD50K.ground_truth/``; clips of one uploader are a group.

    Uploaders stand in ``FSD50K.metadata/``, which may be missing.
    """

    name = "fsd50k"
    looks_like = f"FSD50K's {_PREFIX}dev_audio/ with {_TABLES}/dev.csv"

    def fits(self, tree: Tree, options: Options) -> bool:
        return tree.has_folder(f"{_PREFIX}dev_audio") or tree.has_folder(f"{_PREFIX}eval_audio")

    def misses(self, tree: Tree, options: Options) -> str | None:
        return f"{_TABLES}/ is there, but no folder {_PREFIX}dev_audio/" if tree.has_folder(_TABLES) else None

    def read(self, tree: Tree, options: Options) -> DataSet:
        path = tree.root / _TABLES / "vocabulary.csv"
        require_table(path)
        vocabulary = vocabulary_in(path, read_vocabulary(path))
        labels = LabelReader(frozenset(vocabulary.names))
        clips: list[Clip] = []
        left_out: list[tuple[str, str]] = []
        for split, part in (("curated", "dev"), ("test", "eval")):
            if options.wants(split) and tree.has_folder(f"{_PREFIX}{part}_audio"):
                found, refused = _clips(tree.root, split, part, vocabulary, labels)
                clips += found
                left_out += refused
        return data_set(tree, self, options, clips, classes=vocabulary.names, left_out=left_out, notes=labels.notes())


def _clips(
    root: Path, split: str, part: str, vocabulary: Vocabulary, labels: LabelReader
) -> tuple[list[Clip], list[tuple[str, str]]]:
    path = root / _TABLES / f"{part}.csv"
    require_table(path)
    table, uploaders = read_table(path), _uploaders(root / f"{_PREFIX}metadata/{part}_clips_info_FSD50K.json")
    columns = Columns(split="split" if part == "dev" else "")
    rows = [
        dataclasses.replace(row, fold=_fold(row), group=uploaders.get(row.fname, ""))
        for row in read_rows(table, columns, labels, vocabulary=vocabulary)
    ]
    return clips_of(path, root / f"{_PREFIX}{part}_audio", split, rows)


def _fold(row: LabelRow) -> str:
    if row.split and row.split not in _FOLDS:
        raise DataError(f"{row.where}: split: expected one of {', '.join(_FOLDS)}, received {row.split!r}")
    return _FOLDS.get(row.split, "")


def _uploaders(path: Path) -> dict[str, str]:
    """File name -> who uploaded it, of the clips of a part; none where the metadata are not there."""
    if not path.is_file():
        return {}
    clips = read_json(path)
    return {f"{number}.wav": str(clip["uploader"]) for number, clip in clips.items() if "uploader" in clip}
