"""A clip, from its file to the arrays that a store keeps: the one way for build, tag, explore and verify."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.decode import Decoded, read_audio
from fat2019.audio.logmel import cumulative_energy, log_mel, repeat_to
from fat2019.audio.quantise import quantise
from fat2019.audio.silence import desilence, kept_ranges
from fat2019.config.features import FeatureConfig, SilenceRule


@dataclasses.dataclass(frozen=True)
class ClipAudio:
    """A clip's waveform, as recorded and without its silences."""

    decoded: Decoded
    audio: NDArray[np.int16]  # (kept samples,) at rate_hz
    kept_whole: bool  # nothing but silence is in it
    rate_hz: int
    rule: SilenceRule

    @property
    def recorded(self) -> NDArray[np.int16]:
        """The waveform with its silences, ``(samples,)`` at ``rate_hz``."""
        return self.decoded.samples

    @property
    def seconds(self) -> float:
        """Of the recording, silences included."""
        return len(self.recorded) / self.rate_hz

    @functools.cached_property
    def kept(self) -> NDArray[np.int64]:
        """The ranges of ``recorded`` that make up ``audio``: int64 ``(ranges, 2)``."""
        if self.kept_whole:
            return np.array([[0, len(self.recorded)]])
        rule = self.rule
        return kept_ranges(self.recorded, self.rate_hz, rule.min_silence_ms, rule.threshold_dbfs, rule.keep_silence_ms)


def load_clip(path: Path, split: str, config: FeatureConfig) -> ClipAudio:
    """Decode a clip and remove its silences by the rule for its split and length.

    Args:
        path: the file.
        split: one of ``config.features.SPLITS``.
        config: gives the rate and the rules.

    Raises:
        FailedRead, UnreadableAudio: as :func:`fat2019.audio.decode.read_audio`.
    """
    decoded, rate_hz = read_audio(path, config.sample_rate_hz), config.sample_rate_hz
    rule = config.silence_rule(split, len(decoded.samples) / rate_hz)
    audio, kept_whole = desilence(decoded.samples, rate_hz, rule)  # (kept samples,)
    return ClipAudio(decoded, audio, kept_whole, rate_hz, rule)


def arrays_of(
    audio: NDArray[np.int16], config: FeatureConfig
) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.int64]]:
    """What is stored beside a clip's desilenced audio, and follows from it.

    Returns:
        Log-mel ``(frames, mels)`` in the stored type, decibel range ``(2,)``, energy ``(points,)``.
    """
    repeated = _repeated(audio, config)  # (samples,)
    return *quantise(log_mel(repeated, config), config), cumulative_energy(repeated, config)


def stored_log_mel(audio: NDArray[np.int16], config: FeatureConfig) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The first two of :func:`arrays_of`."""
    return quantise(log_mel(_repeated(audio, config), config), config)


def _repeated(audio: NDArray[np.int16], config: FeatureConfig) -> NDArray[Any]:
    # Repetition comes after silence removal, so that what is repeated is sound.
    return repeat_to(audio, config.window_samples)
