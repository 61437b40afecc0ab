"""A store or a run from elsewhere (``s3://``, ``gs://``, ``https://``, ``ssh://``, ...): copied whole, and checked.

fsspec reaches the places, each by a package of its own (``s3fs``, ``gcsfs``, ``aiohttp``, ``paramiko``). Files that
a manifest or a run's checksums name are copied, and no others, each compared with its SHA-256. They stand in a folder
beside the one wanted until all are there; a copy that was interrupted resumes.
"""

import dataclasses
import hashlib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fat2019.errors import DataError
from fat2019.runs.checksums import CHECKSUMS_NAME, read_checksums, sha256_of
from fat2019.runs.configuration import CONFIG_NAME
from fat2019.runs.run import Run
from fat2019.store.manifest import MANIFEST_NAME, is_file_name, read_manifest
from fat2019.store.reader import FeatureStore
from fat2019.utils.extras import require_extra
from fat2019.utils.files import make_folder, sync, sync_folder, whole
from fat2019.utils.progress import Progress

_LOG = logging.getLogger("fat2019")
_BLOCK_BYTES = 1 << 22
_MOST_STATED_BYTES = 1 << 30  # of files that say what else there is: as much as a manifest may have
_STATING = {"store": (MANIFEST_NAME,), "run": (CONFIG_NAME, CHECKSUMS_NAME)}  # files that say what else there is
_PART = ".part"  # what a folder is called until it is whole


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What was copied."""

    kind: str  # "store" or "run"
    files: int
    bytes: int


def fetch(url: str, out: Path, progress: Progress | None = None) -> Fetched:
    """Copy a store or a finished run.

    Args:
        url: its folder, as fsspec has it.
        out: the folder to be made.
        progress: called with the number of files done and their total.

    Raises:
        DataError: nothing of that kind is there, it cannot be reached, a file is not what it is stated to be, or the
            folder is there already.
    """
    require_extra("remote", "fetch", "fsspec")
    if out.exists():
        raise DataError(f"{out}: already exists; give another folder")
    elsewhere = _Elsewhere(url)
    kind = elsewhere.kind()
    part = out.with_name(out.name + _PART)
    make_folder(part)
    wanted = _files_of_store(elsewhere, part) if kind == "store" else _files_of_run(elsewhere, part)
    _remove_others(part, {*wanted, *_STATING[kind]})
    for done, (name, sha256) in enumerate(wanted.items()):
        if not (part / name).is_file() or sha256_of(part / name) != sha256:
            elsewhere.copy(name, part / name, sha256)
        if progress:
            progress(done + 1, len(wanted))
    # Each file was compared when it came; opening compares what they say with one another.
    (FeatureStore if kind == "store" else Run).open(part)
    sync(part)
    part.rename(out)
    sync_folder(out.absolute().parent)
    return Fetched(kind, len(wanted), sum(path.stat().st_size for path in out.iterdir()))


class _Elsewhere:
    """A folder that fsspec reaches."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._url = url
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:  # which names the package that knows this kind of place
            raise DataError(f"{url}: {error}") from error
        except ValueError as error:
            raise DataError(f"{url}: not an address that fsspec knows: {error}") from error

    def __str__(self) -> str:
        return self._url

    def kind(self) -> str:
        """``store`` or ``run``.

        Raises:
            DataError: it is neither, or cannot be reached.
        """
        for kind, (name, *_) in _STATING.items():
            if self.has(name):
                return kind
        raise DataError(f"{self}: neither a store nor a run: no {MANIFEST_NAME} and no {CONFIG_NAME} is there")

    def has(self, name: str) -> bool:
        try:
            return bool(self._system.exists(self._path(name)))
        except Exception as error:  # each kind of place has its own
            raise DataError(f"{self._url}: cannot be reached: {_first_line(error)}") from error

    def copy(self, name: str, to: Path, sha256: str | None, most_bytes: int | None = None) -> None:
        """Copy a file, whole or not at all.

        Raises:
            DataError: it cannot be read, is not the one expected, or is longer than it may be.
        """
        digest, copied = hashlib.sha256(), 0
        with whole(to) as unfinished, unfinished.open("xb") as file:
            for block in self._blocks(name):
                copied += len(block)
                if most_bytes is not None and copied > most_bytes:
                    raise DataError(f"{self._url}: {name} has more than {most_bytes:,} bytes")
                digest.update(block)
                file.write(block)
            if sha256 is not None and digest.hexdigest() != sha256:
                raise DataError(f"{self._url}: {name} is not the file that was stored: its SHA-256 differs")

    def _blocks(self, name: str) -> Any:
        try:
            with self._system.open(self._path(name), "rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    yield block
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"{self._url}: {name} cannot be read: {_first_line(error)}: the same command resumes"
            ) from error

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _files_of_store(elsewhere: _Elsewhere, part: Path) -> Mapping[str, str]:
    elsewhere.copy(MANIFEST_NAME, part / MANIFEST_NAME, None, _MOST_STATED_BYTES)
    return {file.name: file.sha256 for shard in read_manifest(part).shards for file in shard.files}


def _files_of_run(elsewhere: _Elsewhere, part: Path) -> Mapping[str, str]:
    if not elsewhere.has(CHECKSUMS_NAME):
        raise DataError(
            f"{elsewhere}: no {CHECKSUMS_NAME}: a run that is unfinished, or of a version that stated nothing"
        )
    for name in _STATING["run"]:
        elsewhere.copy(name, part / name, None, _MOST_STATED_BYTES)
    stated = read_checksums(part)
    for name in stated:
        if not is_file_name(name):
            raise DataError(f"{part / CHECKSUMS_NAME}: expected the names of files, received {name[:100]!r}")
    return stated


def _remove_others(part: Path, wanted: Collection[str]) -> None:
    """Remove what an interrupted copy of something else left under the same name."""
    for path in part.iterdir():
        if path.name not in wanted:
            path.unlink()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
