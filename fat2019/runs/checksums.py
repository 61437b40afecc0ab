"""What a run states about its own files, so that one that was damaged, edited or swapped is found.

``config.json``, ``state/state.json`` and ``checksums.json`` carry their own digest; that of a finished run has the
SHA-256 of every file that its numbers depend on, and the shapes of its network. What a user may change is left out:
``log.txt``, ``logs/``, ``export/``, and the place of the store in ``config.json``.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from fat2019.errors import DataError
from fat2019.utils.files import open_plain, read_json, write_json

CHECKSUMS_NAME = "checksums.json"
_DIGEST = "sha256"
_STATED = ("*.keras", "*.tflite", "split.csv", "history.csv", "judged-*.csv")
_LIKELY = "it was damaged or edited, or is another run's; restore it from a copy, or train the run anew"


def with_digest(value: Mapping[str, Any], editable: Iterable[str] = ()) -> dict[str, Any]:
    """A JSON object with its own digest, which does not cover the members that may be edited."""
    return {**value, _DIGEST: _digest(value, editable)}


def require_digest(path: Path, value: Mapping[str, Any], editable: Iterable[str] = ()) -> dict[str, Any]:
    """The object that :func:`with_digest` was given.

    Raises:
        DataError: it is another one.
    """
    rest = {name: member for name, member in value.items() if name != _DIGEST}
    if value.get(_DIGEST) != _digest(rest, editable):
        raise DataError(f"{path}: does not match its own digest: {_LIKELY}")
    return rest


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def require_unchanged(path: Path, accepted: Iterable[str]) -> None:
    """Check that a file has one of these SHA-256.

    Raises:
        DataError: it has another one, or is not there.
    """
    if not path.is_file():
        raise DataError(f"{path}: missing: {_LIKELY}")
    if sha256_of(path) not in accepted:
        raise DataError(f"{path}: is not the file that the run wrote (its SHA-256 differs): {_LIKELY}")


def write_checksums(run: Path, network: Mapping[str, Any], pending: Mapping[str, str]) -> None:
    """State the files of a run that is about to be finished.

    Args:
        run: the run's folder.
        network: the shapes of its network.
        pending: SHA-256 by name of files that are written next.
    """
    files = {path.name: sha256_of(path) for pattern in _STATED for path in sorted(run.glob(pattern))}
    write_json(run / CHECKSUMS_NAME, with_digest({"files": {**files, **pending}, "network": dict(network)}))


def read_checksums(run: Path) -> dict[str, str]:
    """SHA-256 by name of the files of a finished run.

    Raises:
        DataError: the statement is missing, or was changed.
    """
    path = run / CHECKSUMS_NAME
    if not path.is_file():
        raise DataError(f"{path}: missing: {_LIKELY}")
    files = require_digest(path, read_json(path)).get("files")
    if not isinstance(files, dict):
        raise DataError(f"{path}: expected the checksums of a run's files")
    return files


def _digest(value: Mapping[str, Any], editable: Iterable[str]) -> str:
    left_out = set(editable)
    kept = {name: member for name, member in value.items() if name not in left_out}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
