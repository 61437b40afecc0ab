"""The least that a builder of features has to do: what ``build.py`` measures ours beside.

Decode, soxr, one real FFT over the frames that are stored, and one write of as many bytes, made durable.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import soundfile
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from fat2019.audio.logmel import repeat_to
from fat2019.config.features import FeatureConfig
from fat2019.store.building.worker import Task
from fat2019.store.manifest import ShardRecord

_CONFIG = FeatureConfig()
_BLOCK_FRAMES = 128


class PlainFloor:
    """What cannot be left out: decode, resample, one real FFT over the frames that are kept, one write."""

    def __init__(self, task: Task, record: ShardRecord) -> None:
        """
        Args:
            task: whose clips are decoded.
            record: what ours made of them: how much of a clip is kept, and how many bytes are written.
        """
        self._folder = task.out
        self._paths = [source.path for source in task.sources]
        self._kept = record.clips.samples
        self._content = os.urandom(record.files[0].bytes)

    def run(self) -> None:
        for path, kept in zip(self._paths, self._kept, strict=True):
            samples = repeat_to(self._read(path)[:kept], _CONFIG.window_samples)  # (samples,)
            self._transform(sliding_window_view(samples, _CONFIG.n_fft)[:: _CONFIG.hop_samples])
        with tempfile.NamedTemporaryFile(dir=self._folder, buffering=0) as file:
            file.write(self._content)
            os.fsync(file.fileno())

    def _read(self, path: Path) -> Any:
        samples, rate = soundfile.read(path, dtype="float32")
        return soxr.resample(samples, rate, _CONFIG.sample_rate_hz, "HQ")

    def _transform(self, frames: Any) -> None:
        scipy.fft.rfft(frames)


class TunedFloor(PlainFloor):
    """The same by the fastest calls found, with memory that is used again and so need not be faulted in again."""

    def __init__(self, task: Task, record: ShardRecord) -> None:
        super().__init__(task, record)
        longest = max(soundfile.info(path).frames for path in self._paths)
        self._int16, self._float32 = np.empty(longest, np.int16), np.empty(longest, np.float32)

    def _read(self, path: Path) -> Any:
        # 16-bit samples are decoded as such: libsndfile's conversion to float takes longer than NumPy's.
        with soundfile.SoundFile(path) as sound:
            samples = sound.read(out=self._int16[: sound.frames])
            rate = sound.samplerate
        converted = self._float32[: len(samples)]
        np.copyto(converted, samples)
        return soxr.resample(converted, rate, _CONFIG.sample_rate_hz, "HQ")

    def _transform(self, frames: Any) -> None:
        for first in range(0, len(frames), _BLOCK_FRAMES):  # whose spectra stay in a core's cache
            scipy.fft.rfft(frames[first : first + _BLOCK_FRAMES])
