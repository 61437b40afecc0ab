"""Weights that others trained: where they are kept, how they are fetched, and what is wrong with a file of them."""

import dataclasses
import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from fat2019.errors import DataError
from fat2019.utils.files import whole

YAMNET = "https://storage.googleapis.com/audioset/yamnet.h5"
PRETRAINED = {"yamnet": YAMNET}  # weights of the networks that tag and embed as their makers trained them
_CACHE_VARIABLE = "FAT2019_CACHE"
_TIMEOUT_S = 30
_BLOCK_BYTES = 1 << 20
_GIT_LFS = b"version https://git-lfs"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"


def cache() -> Path:
    """This program's own folder of downloads: ``~/.cache/fat2019``, or where ``FAT2019_CACHE`` says."""
    given = os.environ.get(_CACHE_VARIABLE)
    return Path(given) if given else Path.home() / ".cache" / "fat2019"


def keras_models() -> Path:
    """Keras's folder of downloads: ``~/.keras/models``, or below ``KERAS_HOME``."""
    given = os.environ.get("KERAS_HOME")
    return (Path(given) if given else Path.home() / ".keras") / "models"


def what_is_wrong(path: Path) -> str | None:
    """Why a file cannot be one of weights, by a look at it; none if nothing is found.

    A file that does not begin like HDF5 or Keras's archive is told by what it is: most are downloads of something else.
    """
    if not path.exists():
        return "no such weights file (--weights takes pretrained, none or a file)"
    if not path.is_file():
        return "this is not a file"
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        return f"this file cannot be read: {error.strerror or error}"
    if not start:
        return "this file is empty"
    if start.startswith(_GIT_LFS):
        return "this is a Git LFS pointer and not the file itself; `git lfs pull` fetches it"
    if start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "this is a web page; the download was of another link than the file's"
    if start.startswith(_HDF5):
        return _wrong_hdf5(path)
    if start.startswith(_ZIP):
        return _wrong_archive(path)
    return "this is neither HDF5 nor an archive of Keras"


@dataclasses.dataclass(frozen=True)
class Published:
    """A file that the makers of a network published, and where it is kept here."""

    name: str  # of what it was trained on
    url: str
    folder: Callable[[], Path]
    md5: str | None = None  # of the file, where its makers state one
    check: Callable[[Path], str | None] | None = None  # what is wrong with a download
    look: Callable[[Path], str | None] = what_is_wrong  # what is wrong with a file that is here, whoever put it there

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        return self.folder() / self.url.rpartition("/")[2]

    def fetch(self) -> Path:
        """Its path, after a download where it is not there yet.

        Raises:
            DataError: it cannot be fetched, or is not what was published.
        """
        path = self.path
        if path.exists():
            reason = self.look(path)
            if reason:
                raise DataError(f"{path}: {reason}; delete it, and it will be downloaded again")
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                _download(self.url, unfinished)
                reason = self._not_as_published(unfinished)
                if reason:
                    raise DataError(f"{self.url}: {reason}")
        except (OSError, DataError) as error:
            raise DataError(
                f"the published weights are not in the cache and cannot be downloaded ({error}): put "
                f"{self.url} at {path}, or give --weights none or a file"
            ) from error
        return path

    def _not_as_published(self, path: Path) -> str | None:
        if self.md5 and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != self.md5:
            return self.look(path) or "its MD5 sum is not the published one"
        return self.look(path) or (self.check(path) if self.check else None)


def require_pretrained(name: str) -> None:
    """Check that the weights of one of :data:`PRETRAINED` are in the cache or can be downloaded; nothing is loaded.

    Raises:
        DataError: they are neither here nor to be had, or what is here is something else.
    """
    url = PRETRAINED[name]
    path = cache() / url.rpartition("/")[2]
    if path.exists():
        if reason := what_is_wrong(path):
            raise DataError(f"{path}: {reason}; delete it, and it will be downloaded again")
        return
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT_S):
            return
    except OSError as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DataError(
            f"{name}: its weights are not in the cache and cannot be downloaded ({cause}): put {url} at {path}"
        ) from error


def _wrong_hdf5(path: Path) -> str | None:
    import h5py

    try:
        with h5py.File(path):
            return None
    except OSError as error:
        return "this HDF5 file is cut short" if "truncated" in str(error) else f"this HDF5 file is damaged ({error})"


def _wrong_archive(path: Path) -> str | None:
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            if "metadata.json" not in archive.namelist():
                return "this archive is not one of Keras; weights of PyTorch cannot be read"
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except (zipfile.BadZipFile, ValueError, LookupError, TypeError):
        return "this archive is cut short or damaged"
    if _numbers(version) > _numbers(keras.__version__):
        return f"this file was written by Keras {version}, and here is {keras.__version__}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _download(url: str, path: Path) -> None:
    with path.open("wb") as file:
        for block in _blocks(url):
            file.write(block)


def _blocks(url: str) -> Iterator[bytes]:
    """What a server sends, in blocks; what goes wrong on the way is a DataError, unlike what goes wrong on the disk."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            while block := answer.read(_BLOCK_BYTES):
                yield block
    except urllib.error.URLError as error:  # the answers of servers among them, such as 404
        raise DataError(f"{error if isinstance(error, urllib.error.HTTPError) else error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: an odd proxy
        raise DataError(str(error) or type(error).__name__) from error
