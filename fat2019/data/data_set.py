"""A data set on disk -> the list of its clips, in whichever of the layouts it is kept.

Audio is not opened here, only listed: one scan of each folder, however many clips it has.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from fat2019.config.audio_files import AUDIO_SUFFIXES
from fat2019.data.clip import Clip, DataSet
from fat2019.data.label_rows import KNOWN_BAD
from fat2019.data.layouts import layouts
from fat2019.data.layouts.base import Layout, Options
from fat2019.data.tree import Tree
from fat2019.errors import DataError

__all__ = ["AUDIO_SUFFIXES", "KNOWN_BAD", "Clip", "DataSet", "find_data_set"]


def find_data_set(
    root: Path | str,
    *,
    layout: str | None = None,
    splits: Sequence[str] | None = None,
    keep_known_bad: bool = False,
    columns: Mapping[str, str] | None = None,
) -> DataSet:
    """List the clips below ``root``.

    Args:
        root: the folder that holds the audio and the tables.
        layout: the name of one of :func:`fat2019.data.layouts.layouts`; by default the one that fits.
        splits: the parts wanted, each of which must be there; by default those that are there.
        keep_known_bad: keep the curated clips of FSDKaggle2019 known to be wrongly labelled.
        columns: some of ``name, labels, split, fold, group`` -> how the table calls that column.

    Raises:
        DataError: no layout fits, or several do; a folder, a table or a row of one is not as it must be.
    """
    options = Options(None if splits is None else tuple(splits), keep_known_bad, dict(columns or {}))
    tree = Tree(Path(root))
    chosen = _named(tree, layout, options) if layout else _fitting(tree, options)
    if options.columns and not chosen.takes_columns:
        raise DataError(f"columns: the layout {chosen.name} has columns of its own; leave them out, or give --layout")
    return chosen.read(tree, options)


def _named(tree: Tree, name: str, options: Options) -> Layout:
    known = layouts()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise DataError(f"layout: expected one of {', '.join(known)}, received {name!r}{hint}")
    layout = known[name]
    if not layout.fits(tree, options):
        nearest = layout.misses(tree, options)
        raise DataError(
            f"{tree.root}: not of the layout {name}: looked for {layout.looks_like}; {nearest or _found(tree)}"
        )
    return layout


def _fitting(tree: Tree, options: Options) -> Layout:
    """The layout that fits: one with names of its own, else one without."""
    asked = [layout for layout in layouts().values() if layout.takes_columns or not options.columns]
    for has_own_names in (True, False):
        if not has_own_names:
            _require_not_deeper(tree, options)
        fitting = [one for one in asked if one.has_own_names is has_own_names and one.fits(tree, options)]
        if len(fitting) > 1:
            names = [layout.name for layout in fitting]
            raise DataError(
                f"{tree.root}: its layout may be {' or '.join(names)}: choose by --layout "
                f"({'; '.join(f'{layout.name}: {layout.looks_like}' for layout in fitting)})"
            )
        if fitting:
            return fitting[0]
    raise DataError(f"{tree.root}: no data set: {_likely_mistake(tree, asked, options)}")


def _require_not_deeper(tree: Tree, options: Options) -> None:
    for name in tree.top:
        if tree.has_folder(name) and _is_own(tree.root / name, options):
            raise DataError(f"{tree.root}: no data set: it is one level deeper: {tree.root / name}")


def _likely_mistake(tree: Tree, asked: Sequence[Layout], options: Options) -> str:
    archives = [name for name in tree.top if name.lower().endswith(".zip")]
    if archives:
        stem = archives[0][: -len(".zip")]
        return f"unzip its archives first, each into a folder of its name: unzip {archives[0]} -d {stem}"
    looked_for = ", ".join(layout.looks_like for layout in asked)
    nearest = next((miss for layout in asked if (miss := layout.misses(tree, options))), None)
    return f"looked for {looked_for}; found {_found(tree)}" + (f"; nearest: {nearest}" if nearest else "")


def _is_own(folder: Path, options: Options) -> bool:
    tree = Tree(folder)
    return any(layout.has_own_names and layout.fits(tree, options) for layout in layouts().values())


def _found(tree: Tree) -> str:
    folders = sum(tree.has_folder(name) for name in tree.top)
    tables = f" ({', '.join(tree.tables[:3])})" if tree.tables else ""
    return f"{folders} folders, {len(tree.audio)} audio files, {len(tree.tables)} tables{tables}"
