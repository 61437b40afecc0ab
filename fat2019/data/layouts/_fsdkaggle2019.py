"""Layouts of FSDKaggle2019: folders of curated, noisy and test clips, and a table of labels for some of them."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from fat2019.config.features import SPLITS
from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import KNOWN_BAD, Columns, LabelRow, clips_of, read_rows, require_table, vocabulary_in
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options
from fat2019.data.tree import Tree, audio_names
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.utils.table_reader import read_table

SAMPLE_SUBMISSION = "sample_submission.csv"


@dataclasses.dataclass(frozen=True)
class Parts:
    """Where a layout keeps its things, relative to the root."""

    folders: Mapping[str, str]  # split -> audio folder
    tables: Mapping[str, str]  # split -> table of labels, for the splits that have labels
    classes: str  # the file that names the classes in order


class PartsLayout(Layout):
    """A part counts as there when its audio folder is; any may be missing as long as one with labels is left."""

    parts: Parts

    def fits(self, tree: Tree, options: Options) -> bool:
        return any(tree.has_folder(folder) for folder in self.parts.folders.values())

    def misses(self, tree: Tree, options: Options) -> str | None:
        tables = [table for table in self.parts.tables.values() if tree.has_file(table)]
        return f"{tables[0]} is there, but no folder {self.parts.folders['curated']}/" if tables else None

    @abc.abstractmethod
    def class_names(self, path: Path) -> Sequence[str]:
        """The classes that a file of :attr:`Parts.classes` names."""

    def read(self, tree: Tree, options: Options) -> DataSet:
        parts, root = self.parts, tree.root
        wanted = self._wanted(tree, options)
        # Before the vocabulary, which may be taken from the tables: it would be said to be empty.
        for split in wanted:
            if split in parts.tables:
                require_table(root / parts.tables[split])
        vocabulary, labels = self._vocabulary(root)
        clips: list[Clip] = []
        left_out: list[tuple[str, str]] = []
        for split in wanted:
            if split in parts.tables:
                known_bad = KNOWN_BAD if split == "curated" and not options.keep_known_bad else frozenset()
                table = root / parts.tables[split]
                rows = _rows(table, labels, vocabulary)
                found, refused = clips_of(table, root / parts.folders[split], split, rows, known_bad)
                clips += found
                left_out += refused
            else:
                folder = root / parts.folders[split]
                clips += [Clip(name, split, folder / name, (), "") for name in audio_names(folder)]
        sample = root / SAMPLE_SUBMISSION
        return DataSet(
            root=root,
            layout=self.name,
            vocabulary=vocabulary,
            clips=tuple(sorted(clips, key=lambda clip: (clip.split, clip.fname))),
            left_out=tuple(left_out),
            sample_submission=sample if sample.is_file() else None,
            notes=labels.notes(),
        )

    def _wanted(self, tree: Tree, options: Options) -> list[str]:
        parts = self.parts
        there = [split for split in SPLITS if tree.has_folder(parts.folders[split])]
        if options.splits is None:
            if not any(split in parts.tables for split in there):
                looked_for = " nor ".join(f"{parts.folders[split]}/" for split in parts.tables)
                raise DataError(f"{tree.root}: no clips with labels: found neither {looked_for}")
            return there
        missing = [parts.folders[split] for split in SPLITS if options.wants(split) and split not in there]
        if missing:
            raise DataError(f"{tree.root / missing[0]}: no such folder, but its clips are asked for")
        return [split for split in SPLITS if options.wants(split)]

    def _vocabulary(self, root: Path) -> tuple[Vocabulary, LabelReader]:
        """The classes in the order of the submission's columns, else alphabetical: the same thing."""
        path = root / self.parts.classes
        if path.is_file():
            vocabulary = vocabulary_in(path, self.class_names(path))
            return vocabulary, LabelReader(frozenset(vocabulary.names))
        # From every table, whichever parts are wanted: a class must keep its index.
        tables = [root / name for name in self.parts.tables.values() if (root / name).is_file()]
        if not tables:
            raise DataError(f"{path}: no such file, nor a table of labels, to take the classes from")
        labels = LabelReader()
        names = sorted({label for table in tables for row in _rows(table, labels) for label in row.labels})
        return vocabulary_in(path, names), LabelReader(frozenset(names))


def _rows(path: Path, labels: LabelReader, vocabulary: Vocabulary | None = None) -> list[LabelRow]:
    table = read_table(path)
    usage = "usage" if "usage" in table.header else ""
    return list(read_rows(table, Columns(usage=usage), labels, vocabulary=vocabulary))
