"""Any audio files -> their tags, by trained runs or by a network that others trained.

A file goes the way of a test clip: decoded, desilenced by the rule for test clips, turned into log-mels as the
network's features say, cut into windows that cover it; the mean of their scores is the file's. Along a file's time it
is scored as it is, pauses kept, so that the times are those of the file. Runs that keep graphs do without TensorFlow.
"""

import dataclasses
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fat2019.audio.clip import load_clip, stored_log_mel
from fat2019.audio.decode import read_audio
from fat2019.audio.limits import MAX_CLIP_S
from fat2019.audio.sniff import begins_as_audio
from fat2019.config.audio_files import AUDIO_SUFFIXES
from fat2019.config.features import FeatureConfig
from fat2019.errors import FailedRead, UnreadableAudio
from fat2019.feed.tiles import cut, tiles
from fat2019.runs.graph import Scorer
from fat2019.runs.run import Run
from fat2019.scoring.ensembles import combine
from fat2019.scoring.members import require_same_classes
from fat2019.scoring.pooling import pool_windows
from fat2019.utils.files import write_whole

if TYPE_CHECKING:
    from fat2019.models.pretrained import PretrainedNetwork

Failed = Callable[[Path, str], None]  # called with the file and the reason

_WINDOWS_AT_ONCE = 512  # in memory: some 4 MB of log-mels
_BATCH_WINDOWS = 64


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
    """A file's scores over time, silence included."""

    path: Path
    rate_hz: int
    samples: npt.NDArray[np.int16]  # (samples,)
    start_s: npt.NDArray[np.float64]  # (windows,)
    window_s: float
    scores: npt.NDArray[np.float64]  # (windows, classes)


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """A file prepared for the network."""

    path: Path
    seconds: float
    seconds_without_silence: float
    log_mel: npt.NDArray[Any]  # (frames, mels) as a store has it
    notes: tuple[str, ...]


class Tagger:
    """Scores audio files, from decoding to class scores, by the mean of one or more runs or by a pretrained network."""

    class_names: tuple[str, ...]  # in the order of the scores

    def __init__(self, *runs: Run) -> None:
        """
        Args:
            runs: one or more runs with the same classes; their features may differ.

        Raises:
            DataError: the runs differ in their classes, or a network cannot be used.
        """
        for run in runs[1:]:
            require_same_classes(runs[0], run)
        self.class_names = runs[0].vocabulary.names
        self._members = [_Member.of_run(run) for run in runs]

    @classmethod
    def pretrained(cls, network: "PretrainedNetwork") -> Self:
        """A tagger with a pretrained network's own classes and its published hop between windows.

        Raises:
            DataError: the names of its classes are not available.
        """
        tagger = cls.__new__(cls)
        tagger.class_names = network.class_names
        tagger._members = [_Member(network.features, lambda images: network.score(images[..., 0]), network.hop_frames)]
        return tagger

    @property
    def features(self) -> FeatureConfig:
        """The features of the first network, whose windows a timeline uses."""
        return self._members[0].features

    def tag(self, paths: Iterable[Path], failed: Failed) -> Iterator[Tagged]:
        """Score files in small groups, so that memory stays bounded.

        Args:
            paths: audio files.
            failed: called with each file that cannot be used; the others are still tagged.
        """
        group: list[list[_Prepared]] = []  # by file and run
        frames = 0
        for path in paths:
            try:
                group.append([member.prepare(path) for member in self._members])
            except (UnreadableAudio, FailedRead) as error:
                failed(path, str(error))
                continue
            frames += len(group[-1][0].log_mel)
            if frames >= _WINDOWS_AT_ONCE * self.features.window_frames:
                yield from self._score(group)
                group, frames = [], 0
        yield from self._score(group)

    def along(self, path: Path, hop_frames: int | None = None, most_s: float = MAX_CLIP_S) -> Timeline:
        """Score a file along its time, by the first network.

        Args:
            path: the file.
            hop_frames: from one window to the next; by default half a window.
            most_s: a longer file is refused.

        Raises:
            FailedRead, UnreadableAudio: the file cannot be used.
        """
        features, member = self.features, self._members[0]
        samples = read_audio(path, features.sample_rate_hz, most_s).samples  # (samples,)
        log_mel, _ = stored_log_mel(samples, features)
        _, starts = tiles([log_mel], features, hop_frames or max(1, features.window_frames // 2))
        return Timeline(
            path,
            features.sample_rate_hz,
            samples,
            starts.astype(np.float64) * (features.hop_samples / features.sample_rate_hz),
            features.window_samples / features.sample_rate_hz,
            member.score([log_mel], np.zeros_like(starts), starts),
        )

    def top(self, scores: npt.NDArray[np.float64], count: int) -> list[tuple[str, float]]:
        """The highest of ``(classes,)`` scores and their classes, from the highest on."""
        best = np.argsort(-scores, kind="stable")[:count]
        return [(self.class_names[index], float(scores[index])) for index in best]

    def _score(self, group: Sequence[Sequence[_Prepared]]) -> Iterator[Tagged]:
        if not group:
            return
        by_run = [member.score_files([file[index] for file in group]) for index, member in enumerate(self._members)]
        for (first, *_), scores in zip(group, combine(by_run), strict=True):
            yield Tagged(first.path, first.seconds, first.seconds_without_silence, scores, first.notes)


@dataclasses.dataclass(frozen=True)
class _Member:
    """One network of a tagger."""

    features: FeatureConfig
    scorer: Scorer
    hop_frames: int | None = None  # from one window to the next; none: a whole window

    @classmethod
    def of_run(cls, run: Run) -> Self:
        return cls(run.features, run.graph() if run.has_graph else _tensorflow_scorer(run))

    def prepare(self, path: Path) -> _Prepared:
        clip = load_clip(path, "test", self.features)
        log_mel, _ = stored_log_mel(clip.audio, self.features)
        return _Prepared(path, clip.seconds, len(clip.audio) / clip.rate_hz, log_mel, clip.decoded.notes)

    def score_files(self, files: Sequence[_Prepared]) -> npt.NDArray[np.float64]:
        """``(files, classes)``."""
        log_mels = [file.log_mel for file in files]
        file_of_window, starts = tiles(log_mels, self.features, self.hop_frames)
        return pool_windows(self.score(log_mels, file_of_window, starts), file_of_window, len(files))

    def score(
        self, log_mels: Sequence[npt.NDArray[Any]], clips: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """The scores of windows, given by their clips and first frames: ``(windows, classes)``."""
        batches = [slice(first, first + _BATCH_WINDOWS) for first in range(0, len(starts), _BATCH_WINDOWS)]
        scores = [self.scorer(cut(log_mels, clips[batch], starts[batch], self.features)) for batch in batches]
        return np.concatenate(scores).astype(np.float64)


def _tensorflow_scorer(run: Run) -> Scorer:
    from fat2019.scoring.inference import compiled

    predict = compiled(run.model())
    return lambda images: predict(images).numpy()


def draw_timeline(line: Timeline, class_names: Sequence[str], path: Path, top: int) -> dict[str, Any]:
    """Draw a file's scores along its time into a PNG file: the classes with the highest means.

    Returns:
        What is drawn: ``start_s`` and ``window_s`` in seconds, and ``scores`` by class, one row per window.
    """
    from fat2019.pages.figures import timeline, to_png

    classes = np.argsort(-line.scores.mean(axis=0), kind="stable")[:top]
    names = [class_names[index] for index in classes]
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
        failed: called for each argument that matches nothing.
        skipped: called for each file in a folder that is not audio.
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
