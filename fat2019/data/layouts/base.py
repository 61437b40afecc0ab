"""What a layout is: how it is recognised, and how its clips are listed."""

import abc
import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from fat2019.config.features import SPLITS
from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import LabelRow
from fat2019.data.own_split import own_split
from fat2019.data.tree import Tree
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.utils.printable import counted

COLUMNS = ("name", "labels", "split", "fold", "group")  # what --columns can name


@dataclasses.dataclass(frozen=True)
class Options:
    """What is wanted of a data set.

    Raises:
        DataError: a split or a column is none.
    """

    splits: tuple[str, ...] | None = None  # by default those that are there
    keep_known_bad: bool = False
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)  # some of COLUMNS -> the table's own names

    def __post_init__(self) -> None:
        unknown = set(self.splits or ()).difference(SPLITS)
        if unknown:
            raise DataError(f"splits: expected some of {SPLITS}, received {sorted(unknown)}")
        strange = [column for column in self.columns if column not in COLUMNS]
        if strange:
            raise DataError(f"columns: expected some of {', '.join(COLUMNS)}, received {strange[0]!r}")

    def wants(self, split: str) -> bool:
        """Whether a split's clips are wanted, if there are any."""
        return self.splits is None or split in self.splits


class Layout(abc.ABC):
    """How people arrange a data set; a subclass in a module of this package is found by its name."""

    name: ClassVar[str]
    looks_like: ClassVar[str]  # one phrase, for the message of what was looked for
    has_own_names: ClassVar[bool] = True  # recognised by names of its own, and then no layout without is asked
    takes_columns: ClassVar[bool] = False

    @abc.abstractmethod
    def fits(self, tree: Tree, options: Options) -> bool:
        """Whether the folder looks like it."""

    def misses(self, tree: Tree, options: Options) -> str | None:
        """What keeps a folder that comes near from fitting; None where it does not come near."""
        return None

    @abc.abstractmethod
    def read(self, tree: Tree, options: Options) -> DataSet:
        """List the clips.

        Raises:
            DataError: a file, a table or a row of one is not as it must be, or what is wanted is not there.
        """


def require_wanted(root: Path, options: Options, clips: Iterable[Clip]) -> None:
    """Check that every split asked for has clips, and that some clips have labels.

    Raises:
        DataError: that is not so.
    """
    there, labelled = set(), False
    for clip in clips:
        there.add(clip.split)
        labelled = labelled or bool(clip.labels)
    missing = [split for split in options.splits or () if split not in there]
    if missing:
        raise DataError(f"{root}: it has no {missing[0]} clips, which are asked for")
    if not labelled and options.splits is None:
        raise DataError(f"{root}: no clips with labels")


def split_of(row: LabelRow, part: tuple[str, str]) -> tuple[str, str]:
    """The (split, fold) of a row: its own, where the table has such columns, else those of the whole table.

    Raises:
        DataError: its split is none that is known.
    """
    if row.split:
        own = own_split(row.split)
        if own is None:
            raise DataError(f"{row.where}: split: expected train, validation, test or the like, received {row.split!r}")
        part = own
    return part[0], row.fold or part[1]


def passed_over(tree: Tree) -> tuple[str, ...]:
    """A line on the files that are neither audio nor tables, if there are any."""
    others = [path for path in tree.files if path not in tree.known]
    if not others:
        return ()
    suffixes = Counter(PurePosixPath(path).suffix or "none" for path in others)
    some = ", ".join(f"{suffix} ({count})" for suffix, count in suffixes.most_common(3))
    return (f"passed over {counted(len(others), 'file')} without a suffix of audio: {some}, for instance {others[0]}",)


def data_set(
    tree: Tree,
    layout: Layout,
    options: Options,
    clips: Sequence[Clip],
    *,
    classes: Sequence[str] | None = None,
    left_out: Sequence[tuple[str, str]] = (),
    sample_submission: Path | None = None,
    notes: Sequence[str] = (),
) -> DataSet:
    """The data set of these clips, in order; its classes are all that occur, sorted, if it states none.

    Raises:
        DataError: what is wanted is not there, or two clips have one name.
    """
    names = sorted({label for clip in clips for label in clip.labels}) if classes is None else classes
    wanted = [clip for clip in clips if options.wants(clip.split)]
    require_wanted(tree.root, options, wanted)
    _require_distinct(tree.root, wanted)
    return DataSet(
        root=tree.root,
        layout=layout.name,
        vocabulary=Vocabulary(tuple(names)),
        clips=tuple(sorted(wanted, key=lambda clip: (clip.split, clip.fname))),
        left_out=tuple(left_out),
        sample_submission=sample_submission,
        notes=tuple(notes),
    )


def _require_distinct(root: Path, clips: Iterable[Clip]) -> None:
    paths: dict[tuple[str, str], Path] = {}
    for clip in clips:
        other = paths.setdefault((clip.split, clip.fname), clip.path)
        if other != clip.path:
            raise DataError(
                f"{root}: {other.relative_to(root)} and {clip.path.relative_to(root)} would both be called "
                f"{clip.fname}: rename one of them"
            )
