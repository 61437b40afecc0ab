"""What is checked before TensorFlow is loaded, which takes seconds: that runs, stores, files and extras are there.

Whoever mistypes a name has the answer at once.
"""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from fat2019.config.model import PUBLISHED
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.utils.files import open_plain

RUN = "run folder"
STORE = "folder: expected a feature store: make it with build-features"
STORE_OR_RUN = "folder: expected a feature store or a run"
DATA_SET = "folder: expected a data set, such as a folder with a folder of sounds for each class"
SOUNDS_OR_STORE = "folder: expected a folder of sounds or a feature store"


def require_there(what: str, *paths: Path) -> None:
    """Check that there is something of these names, before the modules that open it are loaded: they take longer.

    Raises:
        DataError: there is no such thing.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise DataError(f"{path}: no such {what}")


def require_runs(paths: Iterable[Path], features: Path | None = None, *, finished: bool = False) -> None:
    """Check that runs can be opened, with their stores, and are of the same classes.

    Raises:
        DataError: one cannot.
    """
    paths = tuple(paths)
    require_there(RUN, *paths)
    from fat2019.runs.run import Run

    with _unsaid():
        runs = [Run.open(path) for path in paths]
        for run in runs:
            run.store(features, other_recordings=features is not None)  # some of which can be scored all the same
    for run in runs:
        if finished and not run.metrics:
            raise DataError(f"{run.path}: this run is not finished; run its train command again to resume it")
        if run.vocabulary != runs[0].vocabulary:
            raise DataError(f"{run.path}: its vocabulary is not that of {runs[0].path}: they cannot be combined")


def require_run(path: Path) -> None:
    """Check that a run can be opened, wherever its store is now.

    Raises:
        DataError: it cannot.
    """
    require_there(RUN, path)
    from fat2019.runs.run import Run

    with _unsaid():
        Run.open(path)


@contextlib.contextmanager
def _unsaid() -> Iterator[None]:
    """Keep warnings for the work itself, which gives them again."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def require_file(path: Path | None) -> None:
    """Check that a file, if one is given, is there, plain and readable.

    Raises:
        DataError: it is not.
    """
    if path is None:
        return
    if path.is_dir():
        raise DataError(f"{path}: it is a folder; give a file")
    try:
        open_plain(path).close()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def require_folder_place(path: Path) -> None:
    """Check that no file is in the way of a folder, nor of those that it lies in.

    Raises:
        DataError: one is, or the folder may not be made.
    """
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise DataError(f"{there}: a file is in the way of a folder")
    if there != path and not os.access(there, os.W_OK | os.X_OK):
        raise DataError(f"{path}: cannot be created: no permission to write to {there}")


def require_port(address: str, port: int) -> None:
    """Check that a port is free.

    Raises:
        DataError: it is not.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except socket.gaierror as error:
            raise DataError(f"--host {address}: unknown host name") from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise DataError(f"--host {address}: not an address of this machine") from error
            raise DataError(f"port {port}: already in use, perhaps by another page; give another --port") from error


def require_files_of(config: TrainConfig) -> None:
    """Check that the files which a training names are there.

    Raises:
        DataError: one is not.
    """
    weights = config.model.weights
    if config.model.has_backbone and weights not in (*PUBLISHED, "none") and not Path(weights).is_file():
        raise DataError(f"{weights}: no such weights file (--weights takes pretrained, none or a file)")
    if config.init:
        require_run(Path(config.init))
    if config.relabel and not Path(config.relabel).is_file():
        raise DataError(f"{config.relabel}: no such file of label confidences; `relabel` writes one")
