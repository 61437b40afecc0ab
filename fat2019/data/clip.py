"""What a data set consists of: clips, in the order in which stores and trainings take them."""

import dataclasses
from collections import Counter
from pathlib import Path

from fat2019.data.vocabulary import Vocabulary

VALIDATION_FOLD = "validation"  # the fold of a data set's own validation part

_RAREST = 3


@dataclasses.dataclass(frozen=True)
class Clip:
    """One recording: its file and its labels."""

    fname: str  # its name in the store: that of its file, or its path with "__" for "/"
    split: str  # one of config.SPLITS
    path: Path
    labels: tuple[str, ...]  # sorted; empty when unknown
    usage: str  # Zenodo's test clips: "Public" or "Private"; otherwise empty
    fold: str = ""  # of the data set's own cross-validation, or VALIDATION_FOLD; empty where it has none
    group: str = ""  # what it shares with other clips: uploader, source recording; empty where that is not known


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The clips of one folder, sorted by split, then file name."""

    root: Path
    layout: str  # the name of one of layouts.layouts()
    vocabulary: Vocabulary
    clips: tuple[Clip, ...]
    left_out: tuple[tuple[str, str], ...]  # (fname, reason)
    sample_submission: Path | None
    notes: tuple[str, ...] = ()  # one line each on what was read as what

    def describe(self) -> str:
        """One line: the layout, how many clips and classes, and the rarest of them."""
        counts = Counter(dict.fromkeys(self.vocabulary.names, 0))
        counts.update(label for clip in self.clips for label in clip.labels)
        rarest = sorted(counts.items(), key=lambda item: (item[1], item[0]))[:_RAREST]
        return (
            f"{self.root}: layout {self.layout}, {len(self.clips):,} clips, {len(self.vocabulary)} classes; "
            f"the rarest: {', '.join(f'{name} ({count})' for name, count in rarest)}"
        )
