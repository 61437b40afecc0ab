"""FSDKaggle2018: 11,073 clips of 41 classes, one label each (Zenodo record 2552860), also as Kaggle gave it."""

import dataclasses
from pathlib import Path

from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import Columns, LabelRow, clips_of, read_rows, require_table
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set
from fat2019.data.tree import Tree, audio_names
from fat2019.errors import DataError
from fat2019.utils.table_reader import read_table

_VERIFIED = {"1": "curated", "0": "noisy"}  # the column manually_verified -> Clip.split


@dataclasses.dataclass(frozen=True)
class _Edition:
    """Where an edition keeps its things, relative to the root."""

    train: str
    train_table: str
    test: str
    test_table: str  # empty: the labels of the test clips are not given


_EDITIONS = (
    _Edition(
        "FSDKaggle2018.audio_train",
        "FSDKaggle2018.meta/train_post_competition.csv",
        "FSDKaggle2018.audio_test",
        "FSDKaggle2018.meta/test_post_competition_scoring_clips.csv",
    ),
    _Edition("audio_train", "train.csv", "audio_test", ""),
)


class FsdKaggle2018(Layout):
    """``FSDKaggle2018.audio_*/`` and ``FSDKaggle2018.meta/``; clips that nobody has verified are the noisy ones."""

    name = "fsdkaggle2018"
    looks_like = f"FSDKaggle2018's {_EDITIONS[0].train}/ with {_EDITIONS[0].train_table}"

    def fits(self, tree: Tree, options: Options) -> bool:
        return _edition(tree) is not None

    def read(self, tree: Tree, options: Options) -> DataSet:
        edition, root, labels = _edition(tree), tree.root, LabelReader()
        if edition is None:
            raise DataError(f"{root}: no folder {_EDITIONS[0].train}/, nor {_EDITIONS[1].train}/")
        clips: list[Clip] = []
        left_out: list[tuple[str, str]] = []
        if tree.has_folder(edition.train):
            clips, left_out = _training_clips(root / edition.train, root / edition.train_table, labels)
        if tree.has_folder(edition.test):
            found, refused = _test_clips(root / edition.test, edition.test_table and root / edition.test_table, labels)
            clips += found
            left_out += refused
        return data_set(tree, self, options, clips, left_out=left_out, notes=labels.notes())


def _edition(tree: Tree) -> _Edition | None:
    return next((one for one in _EDITIONS if tree.has_folder(one.train) or tree.has_folder(one.test)), None)


def _training_clips(folder: Path, path: Path, labels: LabelReader) -> tuple[list[Clip], list[tuple[str, str]]]:
    require_table(path)
    columns = Columns(labels="label", split="manually_verified")
    rows = {row.fname: row for row in read_rows(read_table(path), columns, labels)}
    clips, left_out = clips_of(path, folder, "curated", list(rows.values()))
    return [dataclasses.replace(clip, split=_verified(rows[clip.fname])) for clip in clips], left_out


def _test_clips(folder: Path, path: Path | str, labels: LabelReader) -> tuple[list[Clip], list[tuple[str, str]]]:
    if not path:
        return [Clip(name, "test", folder / name, (), "") for name in audio_names(folder)], []
    require_table(Path(path))
    rows = list(read_rows(read_table(Path(path)), Columns(labels="label", usage="usage"), labels))
    return clips_of(Path(path), folder, "test", rows)


def _verified(row: LabelRow) -> str:
    if row.split not in _VERIFIED:
        raise DataError(f"{row.where}: manually_verified: expected 0 or 1, received {row.split!r}")
    return _VERIFIED[row.split]
