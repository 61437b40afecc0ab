"""Any audio files -> their tags, by a trained run.

A file goes the way of a test clip: decoded, desilenced by the rule for test clips, turned into log-mels as the run's
features say, cut into windows that cover it; the mean of their scores is the file's. Along a file's time it is scored
as it is, pauses kept, so that the times are those of the file.
"""

import dataclasses
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fat2019.audio.clip import load_clip, stored_log_mel
from fat2019.audio.decode import read_audio
from fat2019.audio.limits import MAX_CLIP_S
from fat2019.audio.sniff import begins_as_audio
from fat2019.config.audio_files import AUDIO_SUFFIXES
from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import FailedRead, UnreadableAudio
from fat2019.feed.evaluation import EvaluationWindows
from fat2019.runs.run import Run
from fat2019.scoring.inference import compiled
from fat2019.scoring.pooling import pool_windows
from fat2019.store.reader import FlatLogMels
from fat2019.store.schema import offsets
from fat2019.utils.files import write_whole

Failed = Callable[[Path, str], None]  # is told the file and what is wrong with it

_WINDOWS_AT_ONCE = 512  # scored together: some 4 MB of log-mels


@dataclasses.dataclass(frozen=True)
class Tagged:
    """A file and its scores."""

    path: Path
    seconds: float
    seconds_without_silence: float
    scores: npt.NDArray[np.float64]  # (classes,)
    notes: tuple[str, ...]  # what is to be told of how its samples came about


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A file's scores along its time, pauses kept."""

    path: Path
    rate_hz: int
    samples: npt.NDArray[np.int16]  # (samples,)
    start_s: npt.NDArray[np.float64]  # (windows,)
    window_s: float
    scores: npt.NDArray[np.float64]  # (windows, classes)


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """A file on its way to the network."""

    path: Path
    seconds: float
    seconds_without_silence: float
    log_mel: npt.NDArray[Any]  # (frames, mels) as a store has it
    decibel_range: npt.NDArray[np.float32]
    notes: tuple[str, ...]


class Tagger:
    """A run's network with all that leads from a file to it."""

    def __init__(self, run: Run) -> None:
        self.vocabulary: Vocabulary = run.vocabulary
        self.features: FeatureConfig = run.features
        self._predict = compiled(run.model())

    def tag(self, paths: Iterable[Path], failed: Failed) -> Iterator[Tagged]:
        """Score files one after another, in memory for a few of them.

        Args:
            paths: of files.
            failed: is told of each file that cannot be used; the others are tagged all the same.
        """
        group: list[_Prepared] = []
        frames = 0
        for path in paths:
            try:
                group.append(self._prepare(path))
            except (UnreadableAudio, FailedRead) as error:
                failed(path, str(error))
                continue
            frames += len(group[-1].log_mel)
            if frames >= _WINDOWS_AT_ONCE * self.features.window_frames:
                yield from self._score(group)
                group, frames = [], 0
        yield from self._score(group)

    def along(self, path: Path, hop_frames: int | None = None, most_s: float = MAX_CLIP_S) -> Timeline:
        """Score a file along its time.

        Args:
            path: the file.
            hop_frames: from one window to the next; by default half a window.
            most_s: a longer file is refused.

        Raises:
            FailedRead, UnreadableAudio: the file cannot be used.
        """
        samples = read_audio(path, self.features.sample_rate_hz, most_s).samples  # (samples,)
        stored, decibel_range = stored_log_mel(samples, self.features)
        windows = EvaluationWindows(
            _flat([stored], [decibel_range]),
            self.features,
            hop_frames=hop_frames or max(1, self.features.window_frames // 2),
        )
        hop_s = self.features.hop_samples / self.features.sample_rate_hz
        return Timeline(
            path,
            self.features.sample_rate_hz,
            samples,
            windows.start.astype(np.float64) * hop_s,
            self.features.window_samples / self.features.sample_rate_hz,
            self._window_scores(windows),
        )

    def top(self, scores: npt.NDArray[np.float64], count: int) -> list[tuple[str, float]]:
        """The highest of ``(classes,)`` scores and their classes, from the highest on."""
        best = np.argsort(-scores, kind="stable")[:count]
        return [(self.vocabulary.names[index], float(scores[index])) for index in best]

    def _prepare(self, path: Path) -> _Prepared:
        clip = load_clip(path, "test", self.features)
        seconds_without_silence = len(clip.audio) / clip.rate_hz
        stored, decibel_range = stored_log_mel(clip.audio, self.features)
        return _Prepared(path, clip.seconds, seconds_without_silence, stored, decibel_range, clip.decoded.notes)

    def _score(self, group: Sequence[_Prepared]) -> Iterator[Tagged]:
        if not group:
            return
        windows = EvaluationWindows(
            _flat([file.log_mel for file in group], [file.decibel_range for file in group]), self.features
        )
        scores = pool_windows(self._window_scores(windows), windows.clip, len(group))  # (files, classes)
        for file, of_file in zip(group, scores, strict=True):
            yield Tagged(file.path, file.seconds, file.seconds_without_silence, of_file, file.notes)

    def _window_scores(self, windows: EvaluationWindows) -> npt.NDArray[np.float64]:
        scores = [self._predict(images).numpy() for images, _ in windows.dataset()]
        return np.concatenate(scores).astype(np.float64)  # (windows, classes)


def draw_timeline(line: Timeline, vocabulary: Vocabulary, path: Path, top: int) -> dict[str, Any]:
    """Draw a file's scores along its time into a PNG file: the classes with the highest means.

    Returns:
        What is drawn: ``start_s`` and ``window_s`` in seconds, and ``scores`` by class, one a window.
    """
    from fat2019.pages.figures import timeline, to_png

    classes = np.argsort(-line.scores.mean(axis=0), kind="stable")[:top]
    names = [vocabulary.names[index] for index in classes]
    figure = timeline(
        line.samples,
        line.rate_hz,
        line.start_s,
        line.window_s,
        line.scores[:, classes],
        names,
        f"{line.path.name}: scores along time",
    )
    write_whole(path, to_png(figure))
    return {
        "start_s": line.start_s.tolist(),
        "window_s": line.window_s,
        "scores": {name: line.scores[:, index].tolist() for name, index in zip(names, classes.tolist(), strict=True)},
    }


def find_audio(arguments: Iterable[str], failed: Failed, skipped: Callable[[Path], None]) -> Iterator[Path]:
    """The files that are meant by names of files and folders and by patterns such as ``sounds/**/*.ogg``.

    A folder means the audio files in it and below it, sorted folder by folder: by their suffixes, and others if they
    begin as audio does. Hidden files are none. What is named itself is taken as it is.

    Args:
        arguments: as a command line has them.
        failed: is told of each argument that means nothing.
        skipped: is told of each file in a folder that is no audio.
    """
    told: set[Path] = set()  # a pattern may fit a file, and folders above it as well
    for argument in arguments:
        # Path.glob would take no absolute pattern.
        names = [argument] if os.path.lexists(argument) else sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
        if not names:
            failed(Path(argument), f"{argument}: no such file or folder, and no file fits it as a pattern")
        for path in map(Path, names):
            found = False
            for file in _files_below(path, failed, skipped) if path.is_dir() else [path]:
                found = True
                if file not in told:
                    told.add(file)
                    yield file
            if not found and path == Path(argument):
                failed(path, f"{path}: a folder without audio files")


def _files_below(folder: Path, failed: Failed, skipped: Callable[[Path], None]) -> Iterator[Path]:
    def cannot_be_listed(error: OSError) -> None:
        failed(Path(error.filename), f"{error.filename}: its files cannot be listed: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=cannot_be_listed):
        folders.sort()
        for name in sorted(names):
            if name.startswith("."):  # macOS leaves ._x.wav beside x.wav
                continue
            path = Path(parent, name)
            if name.lower().endswith(AUDIO_SUFFIXES) or begins_as_audio(path):
                yield path
            else:
                skipped(path)


def _flat(log_mels: Sequence[npt.NDArray[Any]], decibel_ranges: Sequence[npt.NDArray[np.float32]]) -> FlatLogMels:
    """The log-mels in one piece; without energies, for which windows that cover everything have no use."""
    return FlatLogMels(
        np.concatenate(log_mels),
        offsets([len(one) for one in log_mels]),
        np.zeros(0, np.int64),
        np.zeros(len(log_mels) + 1, np.int64),
        np.stack(decibel_ranges),
    )
