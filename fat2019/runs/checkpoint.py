"""What an interrupted run resumes from."""

import dataclasses
import math
import shutil
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from fat2019.errors import DataError
from fat2019.runs.checksums import require_digest, require_unchanged, sha256_of, with_digest
from fat2019.utils.files import make_folder, read_json, whole, write_json


@dataclasses.dataclass
class Checkpoint:
    """What a run resumes from: its state at the end of the last finished epoch."""

    folder: Path
    stage: int = 0
    epoch: int = 0  # finished epochs of the stage
    reader: Literal["", "memory", "stream"] = ""  # of the stage's features; another one gives windows in another order
    best_score: float = -math.inf
    best_epoch: int = 0
    seconds_before: float = 0.0  # spent in earlier sessions
    cpu_seconds_before: float = 0.0
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # of history.csv
    # SHA-256 by the name within the run's folder: of the network that is resumed, those that were kept, split.csv. A
    # network that is about to be replaced may still be the one before.
    files: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    _opened: float = dataclasses.field(default_factory=time.monotonic)
    _cpu_opened: float = dataclasses.field(default_factory=time.process_time)

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """The state in a run's ``state`` folder, or that of a run that begins.

        Raises:
            DataError: the state was damaged or edited.
        """
        make_folder(folder)
        path = folder / "state.json"
        if not path.is_file():
            return cls(folder)
        fields = read_json(path)
        if "sha256" in fields or "files" in fields:  # not in those of older versions
            fields = require_digest(path, fields)
        try:
            state = msgspec.convert(fields, _State)
        except msgspec.ValidationError as error:
            raise DataError(f"{path}: not the state of a run: {error}") from error
        best = -math.inf if state.best_score is None else state.best_score
        return cls(folder, **{**msgspec.structs.asdict(state), "best_score": best})

    @property
    def run_files(self) -> dict[str, list[str]]:
        """Those of :attr:`files` that stay when the run is finished."""
        return {name: accepted for name, accepted in self.files.items() if "/" not in name}

    @property
    def model_path(self) -> Path:
        """The network with its optimizer after so many epochs of the stage."""
        return self.folder / f"stage-{self.stage + 1}-epoch-{self.epoch}.keras"

    @property
    def seconds(self) -> float:
        """Time spent on the run, over all sessions."""
        return self.seconds_before + time.monotonic() - self._opened

    @property
    def cpu_seconds(self) -> float:
        """CPU time over all cores and sessions."""
        return self.cpu_seconds_before + time.process_time() - self._cpu_opened

    def note(self, path: Path, sha256: str | None = None) -> str:
        """State a file's SHA-256, and return it: as the file is, or as it will be after the next :meth:`write`."""
        name = self._name(path)
        before = self.files.get(name, [])[:1] if sha256 else []
        now = sha256 or sha256_of(path)
        self.files[name] = [now, *before]
        return now

    def require_unchanged(self, path: Path) -> None:
        """Check that a file of the run is as it was noted, if it was.

        Raises:
            DataError: it is not.
        """
        if accepted := self.files.get(self._name(path)):
            require_unchanged(path, accepted)

    def keep(self, path: Path) -> None:
        """Copy the network of this epoch to where the stage keeps its own; repeated after a kill in between."""
        noted = self.files.get(self._name(path), [])
        if noted and noted[:1] == self.files.get(self._name(self.model_path)):
            with whole(path) as unfinished:
                shutil.copyfile(self.model_path, unfinished)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.folder.parent))

    def write(self) -> None:
        """Commit: from here on a killed run starts after this epoch. Older networks are no longer needed."""
        here = {self._name(self.model_path)}
        self.files = {name: sha for name, sha in self.files.items() if "/" not in name or name in here}
        write_json(
            self.folder / "state.json",
            with_digest(
                {
                    "stage": self.stage,
                    "epoch": self.epoch,
                    "reader": self.reader,
                    "best_epoch": self.best_epoch,
                    "best_score": None if self.best_score == -math.inf else self.best_score,
                    "seconds_before": self.seconds,
                    "cpu_seconds_before": self.cpu_seconds,
                    "rows": self.rows,
                    "files": self.files,
                }
            ),
        )
        for old in self.folder.glob("stage-*-epoch-*.keras"):
            if old != self.model_path:
                old.unlink()

    def next_stage(self) -> None:
        """Commit that a stage is finished."""
        self.stage, self.epoch, self.reader = self.stage + 1, 0, ""
        self.best_score, self.best_epoch = -math.inf, 0
        self.write()


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of ``state.json``."""

    stage: Annotated[int, msgspec.Meta(ge=0)]
    epoch: Annotated[int, msgspec.Meta(ge=0)]
    best_score: float | None
    best_epoch: int
    seconds_before: float
    rows: list[dict[str, Any]]
    reader: Literal["", "memory", "stream"] = ""
    cpu_seconds_before: float = 0.0
    files: dict[str, list[str]] = {}
