"""UrbanSound8K: 8,732 clips of 10 classes in 10 folds (urbansounddataset.weebly.com/urbansound8k.html)."""

from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import Columns, clips_of, read_rows
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set
from fat2019.data.tree import Tree
from fat2019.errors import DataError
from fat2019.utils.table_reader import read_table

_TABLE, _FOLDER = "metadata/UrbanSound8K.csv", "audio"


class UrbanSound8K(Layout):
    """``audio/fold1..10/*.wav`` with ``metadata/UrbanSound8K.csv``; clips of one recording (``fsID``) are a group."""

    name = "urbansound8k"
    looks_like = f"UrbanSound8K's {_FOLDER}/fold1/ with {_TABLE}"

    def fits(self, tree: Tree, options: Options) -> bool:
        return tree.has_file(_TABLE) and tree.has_folder(_FOLDER)

    def misses(self, tree: Tree, options: Options) -> str | None:
        return f"UrbanSound8K's {_TABLE} is there, but no folder {_FOLDER}/" if tree.has_file(_TABLE) else None

    def read(self, tree: Tree, options: Options) -> DataSet:
        labels, table = LabelReader(), read_table(tree.root / _TABLE)
        rows = list(read_rows(table, Columns("slice_file_name", "class", fold="fold", group="fsID"), labels))
        clips: list[Clip] = []
        left_out: list[tuple[str, str]] = []
        for fold in sorted({row.fold for row in rows}):
            folder = tree.root / _FOLDER / f"fold{fold}"
            if not folder.is_dir():
                raise DataError(
                    f"{table.path}: no folder {folder} for its fold {fold}: was all of the archive unpacked?"
                )
            found, refused = clips_of(table.path, folder, "curated", [row for row in rows if row.fold == fold])
            clips += found
            left_out += refused
        return data_set(tree, self, options, clips, left_out=left_out, notes=labels.notes())
