"""What an interrupted run resumes from."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any, Literal

from fat2019.utils.files import read_json, write_json


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
    _opened: float = dataclasses.field(default_factory=time.monotonic)
    _cpu_opened: float = dataclasses.field(default_factory=time.process_time)

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """The state in a run's ``state`` folder, or that of a run that begins."""
        folder.mkdir(exist_ok=True)
        if not (folder / "state.json").is_file():
            return cls(folder)
        fields = read_json(folder / "state.json")
        best = fields.pop("best_score")
        return cls(folder, best_score=-math.inf if best is None else best, **fields)

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

    def write(self) -> None:
        """Commit: from here on a killed run starts after this epoch. Older networks are no longer needed."""
        write_json(
            self.folder / "state.json",
            {
                "stage": self.stage,
                "epoch": self.epoch,
                "reader": self.reader,
                "best_epoch": self.best_epoch,
                "best_score": None if self.best_score == -math.inf else self.best_score,
                "seconds_before": self.seconds,
                "cpu_seconds_before": self.cpu_seconds,
                "rows": self.rows,
            },
        )
        for old in self.folder.glob("stage-*-epoch-*.keras"):
            if old != self.model_path:
                old.unlink()

    def next_stage(self) -> None:
        """Commit that a stage is finished."""
        self.stage, self.epoch, self.reader = self.stage + 1, 0, ""
        self.best_score, self.best_epoch = -math.inf, 0
        self.write()
