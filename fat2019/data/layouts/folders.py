"""A folder for each class, as most people keep their sounds."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from fat2019.data.clip import Clip, DataSet
from fat2019.data.labels import LabelReader
from fat2019.data.layouts.base import Layout, Options, data_set, passed_over
from fat2019.data.names import clip_name
from fat2019.data.own_split import own_split
from fat2019.data.tree import Tree, parent

_NO_CLASS = "not in the folder of a class"


class Folders(Layout):
    """The clips of a class in a folder of its name, at any depth; perhaps parted into ``train/`` and ``test/`` first.

    A class is the outermost folder that holds clips itself, so that folders of sessions within it are no classes. Where
    two such folders have one name (``bark/session1``, ``meow/session1``), the classes are the outermost folders of all.
    """

    name = "folders"
    looks_like = "a folder of audio for each class"
    has_own_names = False

    def fits(self, tree: Tree, options: Options) -> bool:
        return len(set(_classes(_directories(tree)).values())) > 1

    def misses(self, tree: Tree, options: Options) -> str | None:
        directories = sorted(_directories(tree))
        if not directories or tree.tables:  # whose faults are the nearer ones
            return None
        return f"audio in {' and '.join(name or 'the folder itself' for name in directories[:2])} alone, not by classes"

    def read(self, tree: Tree, options: Options) -> DataSet:
        classes, labels = _classes(_directories(tree)), LabelReader()
        clips: list[Clip] = []
        left_out: list[tuple[str, str]] = []
        parts = _parts(_directories(tree))
        for path in tree.audio:
            directory = parent(path)
            split, fold = parts.get(directory, ("curated", ""))
            if directory in classes:
                label = [labels.name(str(tree.root / directory), classes[directory])]
            elif split == "test":
                label = []
            else:
                left_out.append((path, _NO_CLASS))
                continue
            clips.append(Clip(clip_name(path), split, tree.root / path, tuple(label), "", fold))
        notes = (*labels.notes(), *passed_over(tree))
        return data_set(tree, self, options, clips, left_out=left_out, notes=notes)


def _directories(tree: Tree) -> frozenset[str]:
    """The relative paths of the folders that hold audio."""
    return frozenset(parent(path) for path in tree.audio)


def _parts(directories: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Folder -> (split, fold), where the outermost folders are all named like parts; else nothing."""
    below = {directory: _below(directory, _common(directories)) for directory in directories}
    found = {directory: own_split(parts[0]) if parts else None for directory, parts in below.items()}
    known = {directory: part for directory, part in found.items() if part}
    return known if len(known) == len(found) and any(part[0] != "test" for part in known.values()) else {}


def _classes(directories: Iterable[str]) -> Mapping[str, str]:
    """Folder that holds audio -> the name of its class; folders outside of any class are left out."""
    common, parts = _common(directories), _parts(directories)
    below = {directory: _below(directory, common)[1 if parts else 0 :] for directory in directories}
    holders = {(parts.get(directory), names) for directory, names in below.items() if names}
    classes = {
        directory: next(
            names[:depth] for depth in range(1, len(names) + 1) if (parts.get(directory), names[:depth]) in holders
        )
        for directory, names in below.items()
        if names
    }
    innermost = {names[-1] for names in classes.values()}
    if len(innermost) == len(set(classes.values())):
        return {directory: names[-1] for directory, names in classes.items()}
    return {directory: names[0] for directory, names in classes.items()}


def _common(directories: Iterable[str]) -> int:
    """How many folders all audio lies below: of ``sounds/bark`` and ``sounds/meow``, one."""
    parts = [PurePosixPath(directory).parts for directory in directories]
    shortest = min(parts, key=len, default=())
    return next(
        (depth for depth, name in enumerate(shortest) if any(path[depth] != name for path in parts)), len(shortest)
    )


def _below(directory: str, common: int) -> tuple[str, ...]:
    return PurePosixPath(directory).parts[common:]
