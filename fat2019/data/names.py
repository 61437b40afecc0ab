"""File names in tables against those on disk: which file a cell means, and the likely mistake where there is none."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath

from fat2019.config.audio_files import AUDIO_SUFFIXES
from fat2019.errors import DataError

_PATH_CHARACTERS = frozenset("/\\\0")
_LONGEST = 255  # characters: what a store takes for the name of a file
_FOLDER_MARK = "__"
_SHOWN = 3


def is_audio(name: str) -> bool:
    """Whether a file's name is that of an audio file."""
    return name.lower().endswith(AUDIO_SUFFIXES)


def file_name(where: str, cell: str) -> str:
    """The file name in a cell, with ``.wav`` added when it has no audio suffix; never a path.

    Raises:
        DataError: it is none.
    """
    if not cell or cell in (".", "..") or not _PATH_CHARACTERS.isdisjoint(cell):
        raise DataError(f"{where}: expected the name of a file in the audio folder, received {cell!r}")
    require_one_line(where, cell)
    return cell if is_audio(cell) else f"{cell}.wav"


def relative_path(where: str, cell: str) -> str:
    """The path in a cell, with ``/`` between its folders; it stays below the data set's folder.

    Raises:
        DataError: it leads elsewhere, or is none.
    """
    path = PurePosixPath(cell.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", cell) or "\0" in cell:
        raise DataError(f"{where}: expected a path below the data set's folder, received {cell!r}")
    if not path.name:
        raise DataError(f"{where}: expected the name of a file, received {cell!r}")
    require_one_line(where, cell)
    return str(path)


def require_one_line(where: str, name: str) -> None:
    """Check that a name can be printed in one line.

    Raises:
        DataError: it holds line breaks or control characters.
    """
    if not name.isprintable():
        raise DataError(f"{where}: the name {name[:60]!r} holds a line break or a character that cannot be shown")


def clip_name(path: str) -> str:
    """The name in the store of a clip in folders: its relative path with ``__`` for ``/``.

    Raises:
        DataError: it is too long.
    """
    name = path.replace("/", _FOLDER_MARK)
    if len(name) > _LONGEST:
        raise DataError(f"{path}: longer than the {_LONGEST} characters of a clip's name: shorten the folders' names")
    return name


def require_files(table: Path, folder: Path, names: Collection[str], there: Iterable[str]) -> None:
    """Check that every file named is there.

    Raises:
        DataError: some are not; it counts them, and says the likely mistake.
    """
    there = frozenset(there)
    missing = [name for name in names if name not in there]
    if missing:
        raise missing_files(table, folder, len(names), missing, there)


def missing_files(table: Path, folder: Path, rows: int, missing: list[str], there: Collection[str]) -> DataError:
    """What to raise where files are missing."""
    first = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    return DataError(
        f"{table}: {len(missing)} of {rows} rows name files that are not in {folder} ({first}): "
        f"{likely_mistake(missing[0], there) or _in_folders(folder, missing[0]) or 'was all of the archive unpacked?'}"
    )


def likely_mistake(missing: str, there: Collection[str]) -> str | None:
    """Why a name is not among those that are there; None where nothing comes near it."""
    for wanted in dict.fromkeys((missing, missing.removesuffix(".wav"))):  # which is added to names without suffix
        for alike, explanation in _MISTAKES:
            found = next((name for name in sorted(there) if alike(wanted, name)), None)
            if found is not None:
                return explanation.format(found=found, wanted=wanted)
    close = difflib.get_close_matches(missing, there, n=1, cutoff=0.8)
    return f"did you mean {close[0]!r}?" if close else None


def _in_folders(folder: Path, missing: str) -> str | None:
    """Whether the file lies one folder too deep."""
    deeper = next(iter(sorted(folder.glob(f"*/{_literal(missing)}"))), None)
    return f"it is one folder too deep: {deeper}" if deeper else None


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _suffix_case(wanted: str, name: str) -> bool:
    return wanted != name and wanted.casefold() == name.casefold()


def _other_suffix(wanted: str, name: str) -> bool:
    stem = wanted[: -len(PurePosixPath(wanted).suffix)] if is_audio(wanted) else wanted
    return is_audio(name) and PurePosixPath(name).stem == stem


def _other_form(wanted: str, name: str) -> bool:
    return wanted != name and unicodedata.normalize("NFC", wanted) == unicodedata.normalize("NFC", name)


def _blanks(wanted: str, name: str) -> bool:
    def bare(text: str) -> str:
        return "".join(text.split())

    return wanted != name and (bare(wanted) == bare(name) or bare(wanted) == bare(PurePosixPath(name).stem))


def _taken_for_a_number(wanted: str, name: str) -> bool:
    """1e05 -> 100000, 00012 -> 12, 64760 -> 64760.0."""
    stem, cell = PurePosixPath(name).stem, wanted[: -len(PurePosixPath(wanted).suffix)] if is_audio(wanted) else wanted
    if stem == cell or len(stem) > _LONGEST:
        return False
    try:
        return float(stem) == float(cell)
    except ValueError:
        return False


_MISTAKES: tuple[tuple[Callable[[str, str], bool], str], ...] = (
    (_suffix_case, "there is {found!r}: capitals and small letters differ"),
    (_other_form, "there is {found!r}, in another Unicode form (NFC, NFD): write the names as the files have them"),
    (_blanks, "there is {found!r}: the name in the table, {wanted!r}, has other blanks"),
    (_other_suffix, "there is {found!r}: the suffix differs; write the files' own"),
    (
        _taken_for_a_number,
        "there is {found!r}: a spreadsheet may have taken the name for a number and written {wanted!r}; keep the "
        "column as text",
    ),
)
