"""A store or a run from elsewhere (``s3://``, ``gs://``, ``https://``, ``ssh://``, ...): copied whole, and checked.

fsspec reaches the places, each by a package of its own (``s3fs``, ``gcsfs``, ``aiohttp``, ``paramiko``). Files that
a manifest or a run's checksums name are copied, and no others, each compared with its SHA-256. They stand in a folder
beside the one wanted until all are there; a copy that was interrupted resumes.
"""

import dataclasses
import hashlib
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fat2019.errors import DataError
from fat2019.runs.checksums import CHECKSUMS_NAME, read_checksums, sha256_of
from fat2019.runs.configuration import CONFIG_NAME
from fat2019.runs.verify import verify_run
from fat2019.store.manifest import MANIFEST_NAME, is_file_name, read_manifest
from fat2019.store.verify import verify
from fat2019.utils.extras import require_extra
from fat2019.utils.files import make_folder, sync, sync_folder, whole
from fat2019.utils.progress import Progress

_LOG = logging.getLogger("fat2019")
_BLOCK_BYTES = 1 << 22
_MOST_STATED_BYTES = 1 << 30  # of files that say what else there is: as much as a manifest may have
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
    part = out.with_name(out.name + _PART)
    make_folder(part)
    if elsewhere.has(MANIFEST_NAME):
        kind, wanted = "store", _files_of_store(elsewhere, part)
    elif elsewhere.has(CONFIG_NAME):
        kind, wanted = "run", _files_of_run(elsewhere, part)
    else:
        part.rmdir()
        raise DataError(f"{url}: neither a store nor a run: no {MANIFEST_NAME} and no {CONFIG_NAME} is there")
    for done, (name, sha256) in enumerate(wanted.items()):
        if not (part / name).is_file() or sha256_of(part / name) != sha256:
            elsewhere.copy(name, part / name, sha256)
        if progress:
            progress(done + 1, len(wanted))
    _require_sound(kind, part)
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
    for name in (CONFIG_NAME, CHECKSUMS_NAME):
        elsewhere.copy(name, part / name, None, _MOST_STATED_BYTES)
    stated = read_checksums(part)
    for name in stated:
        if not is_file_name(name):
            raise DataError(f"{part / CHECKSUMS_NAME}: expected the names of files, received {name[:100]!r}")
    return stated


def _require_sound(kind: str, part: Path) -> None:
    problems = [problem.message for problem in verify(part)] if kind == "store" else verify_run(part)
    if problems:
        shutil.rmtree(part)
        raise DataError(f"{problems[0]} (of {len(problems)} problems; nothing is kept)")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
