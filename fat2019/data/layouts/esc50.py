"""ESC-50: 2,000 clips of 50 classes in 5 folds (github.com/karolpiczak/ESC-50)."""

from fat2019.data.clip import DataSet
from fat2019.data.label_rows import Columns, clips_of, read_rows
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set
from fat2019.data.tree import Tree
from fat2019.utils.table_reader import read_table

_TABLE, _FOLDER = "meta/esc50.csv", "audio"


class Esc50(Layout):
    """``audio/*.wav`` with ``meta/esc50.csv``; clips of one source recording (``src_file``) are a group."""

    name = "esc50"
    looks_like = f"ESC-50's {_FOLDER}/ with {_TABLE}"

    def fits(self, tree: Tree, options: Options) -> bool:
        return tree.has_file(_TABLE) and tree.has_folder(_FOLDER)

    def misses(self, tree: Tree, options: Options) -> str | None:
        return f"ESC-50's {_TABLE} is there, but no folder {_FOLDER}/" if tree.has_file(_TABLE) else None

    def read(self, tree: Tree, options: Options) -> DataSet:
        labels, table = LabelReader(), read_table(tree.root / _TABLE)
        columns = Columns("filename", "category", fold="fold", group="src_file")
        rows = list(read_rows(table, columns, labels))
        clips, left_out = clips_of(table.path, tree.root / _FOLDER, "curated", rows)
        return data_set(tree, self, options, clips, left_out=left_out, notes=labels.notes())
