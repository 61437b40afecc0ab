"""Hugging Face's audiofolder: metadata with ``file_name`` beside the audio (huggingface.co/docs/datasets)."""

from pathlib import PurePosixPath

from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import read_rows
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set, passed_over, split_of
from fat2019.data.layouts.table import columns_of
from fat2019.data.names import clip_name, missing_files, relative_path
from fat2019.data.own_split import own_split
from fat2019.data.tree import Tree, base_name, parent
from fat2019.errors import DataError
from fat2019.utils.table_reader import read_table

_NAMES = ("metadata.csv", "metadata.jsonl")
_FILE_NAME = "file_name"


class AudioFolder(Layout):
    """``metadata.csv`` or ``.jsonl`` in the folder, or in each of ``train/``, ``validation/``, ``test/``.

    File names are relative to the metadata. Folders without metadata are the layout ``folders``.
    """

    name = "audiofolder"
    looks_like = "Hugging Face's metadata.csv or metadata.jsonl with file_name"
    takes_columns = True

    def fits(self, tree: Tree, options: Options) -> bool:
        return bool(_metadata(tree))

    def read(self, tree: Tree, options: Options) -> DataSet:
        paths = _metadata(tree)
        if not paths:
            raise DataError(f"{tree.root}: no {' nor '.join(_NAMES)} with a column {_FILE_NAME}")
        labels = LabelReader()
        clips = [clip for path in paths for clip in _clips(tree, path, options, labels)]
        unlisted = set(tree.audio).difference(str(clip.path.relative_to(tree.root)) for clip in clips)
        left_out = [(path, "not in the metadata") for path in sorted(unlisted)]
        notes = (*labels.notes(), *passed_over(tree))
        return data_set(tree, self, options, clips, left_out=left_out, notes=notes)


def _metadata(tree: Tree) -> list[str]:
    paths = [path for path in tree.tables if base_name(path) in _NAMES]
    return [path for path in paths if _FILE_NAME in read_table(tree.root / path, most_rows=1).header]


def _clips(tree: Tree, path: str, options: Options, labels: LabelReader) -> list[Clip]:
    table, folder = read_table(tree.root / path), parent(path)
    words = [part for word in PurePosixPath(folder).parts if (part := own_split(word))]
    part = words[0] if words else ("curated", "")
    rows = list(read_rows(table, columns_of(table, options), labels, name_of=relative_path))
    there = {audio[len(folder) + 1 if folder else 0 :] for audio in tree.audio if audio.startswith(folder)}
    missing = [row.fname for row in rows if row.fname not in there]
    if missing:
        raise missing_files(table.path, tree.root / folder, len(rows), missing, there)
    clips = []
    for row in rows:
        relative = f"{folder}/{row.fname}" if folder else row.fname
        split, fold = split_of(row, part)
        clips.append(Clip(clip_name(relative), split, tree.root / relative, row.labels, "", fold, row.group))
    return clips
