"""FSDKaggle2019 as the competition on Kaggle gave it."""

from collections.abc import Sequence
from pathlib import Path

from fat2019.data.layouts._fsdkaggle2019 import SAMPLE_SUBMISSION, Parts, PartsLayout
from fat2019.data.layouts.base import Options
from fat2019.data.tree import Tree
from fat2019.errors import DataError
from fat2019.utils.table_reader import read_lines


class Kaggle(PartsLayout):
    """``train_curated/``, ``train_noisy/``, ``test/`` beside their tables and ``sample_submission.csv``.

    Test clips are the audio files in ``test/``: rows of the sample submission may differ from them, and are matched
    only when a submission is written.
    """

    name = "kaggle"
    looks_like = "Kaggle's train_curated/ with train_curated.csv"
    parts = Parts(
        folders={"curated": "train_curated", "noisy": "train_noisy", "test": "test"},
        tables={"curated": "train_curated.csv", "noisy": "train_noisy.csv"},
        classes=SAMPLE_SUBMISSION,
    )

    def fits(self, tree: Tree, options: Options) -> bool:
        folders = [name for name in tree.top if tree.has_folder(name)]
        # Others have a folder test/ as well, but not alone.
        return "train_curated" in folders or "train_noisy" in folders or folders == ["test"]

    def class_names(self, path: Path) -> Sequence[str]:
        """The columns of a sample submission."""
        header = next(read_lines(path)).cells
        if header[0] != "fname" or len(header) < 2:
            raise DataError(f"{path}: expected the header fname and one column per class, received {list(header[:3])}")
        return header[1:]
