"""Clips computed again in the slow and well-known way, by soundfile, librosa and pydub, and compared with a store's.

`verify --deep` compares a store with what follows from its own audio, by this package's own code. An audit trusts
neither: it begins with the recordings, and shares no line with the build.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fat2019.config.features import FeatureConfig, SilenceRule
from fat2019.data.clip import Clip
from fat2019.data.data_set import DataSet
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.utils.extras import require_extra
from fat2019.utils.progress import Progress

# A sample that lies between two whole numbers may be rounded to either; what a step of the stored type and another
# order of float32 sums come to in a log-mel is below these.
_TOLERANCE_STEPS = 1
_TOLERANCE_LOG_MEL = 0.1  # beside half a step of the stored type


@dataclasses.dataclass(frozen=True)
class ClipAudit:
    """How far a clip of the store lies from the same clip made the slow way."""

    fname: str
    samples: int  # without silence, in the store
    samples_apart: int  # beyond the last millisecond, which pydub rounds
    audio_apart: int  # steps of int16, the most
    log_mel_apart: float  # in the log-mel's own unit, the most
    energy_apart: int  # of the whole clip
    labels_agree: bool
    tolerance: float  # of the log-mel
    not_compared: str = ""  # why its sound is not compared

    @property
    def agrees(self) -> bool:
        """Whether all of it lies within rounding."""
        return self.labels_agree and (
            bool(self.not_compared)
            or (
                self.samples_apart == 0
                and self.audio_apart <= _TOLERANCE_STEPS
                and self.log_mel_apart <= self.tolerance
                and (self.energy_apart == 0 or self.audio_apart > 0)
            )
        )


def audit(
    store: FeatureStore, data_set: DataSet, clips: int, *, seed: int = 0, progress: Progress | None = None
) -> list[ClipAudit]:
    """Compute clips chosen at random again, and compare them.

    Args:
        store: a finished store.
        data_set: what it was built from.
        clips: how many; all, if the store has fewer.
        seed: of the choice.
        progress: is called after each clip.

    Raises:
        DataError: the extra [audit] is missing, or the data set has not every clip of the store.
    """
    require_extra("audit", "an audit", "librosa", "pydub")
    found = {(clip.split, clip.fname): clip for clip in data_set.clips}
    table = store.clips
    chosen = np.random.default_rng(seed).permutation(len(table))[:clips]
    results = []
    for index in np.sort(chosen):
        row = table.iloc[int(index)]
        clip = found.get((row["split"], row["fname"]))
        if clip is None:
            raise DataError(f"{data_set.root}: it has no clip {row['fname']}: was {store.path} built from other data?")
        results.append(_audited(store, clip, row))
        if progress:
            progress(len(results), len(chosen))
    return results


def _audited(store: FeatureStore, clip: Clip, row: Any) -> ClipAudit:
    config, fname = store.config, clip.fname
    audio, log_mel = store.audio(fname), store.log_mel(fname)  # (samples,), (frames, mels)
    labels_agree = tuple(sorted(clip.labels)) == tuple(sorted(row["labels"]))
    tolerance = _TOLERANCE_LOG_MEL + _half_step(log_mel, config)
    if note := _note_of(store, fname):
        return ClipAudit(fname, len(audio), 0, 0, 0.0, 0, labels_agree, tolerance, note)
    recorded = _read(clip.path, config.sample_rate_hz)
    expected = _without_silence(
        recorded, config, config.silence_rule(clip.split, len(recorded) / config.sample_rate_hz)
    )
    apart, common = abs(len(audio) - len(expected)), min(len(audio), len(expected))
    if apart <= config.sample_rate_hz // 1000:  # pydub fills up or cuts the last millisecond
        apart, expected = 0, np.concatenate([expected[:common], audio[common:]])
    frames = min(len(log_mel), len(slow := _log_mel(expected, config)))
    return ClipAudit(
        fname=fname,
        samples=len(audio),
        samples_apart=apart,
        audio_apart=int(np.abs(audio[:common].astype(np.int64) - expected[:common]).max(initial=0)),
        log_mel_apart=float(np.abs(log_mel[:frames] - slow[:frames]).max(initial=0)),
        energy_apart=abs(_energy(audio, config) - _energy(expected, config)),
        labels_agree=labels_agree,
        tolerance=tolerance,
    )


def _note_of(store: FeatureStore, fname: str) -> str:
    """What the build did to the clip's sound beside the usual, which the slow way does not do."""
    return "; ".join(note for name, note in store.notes if name == fname)


def _read(path: Path, rate_hz: int) -> NDArray[np.int16]:
    import librosa
    import soundfile

    samples, source_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)  # (samples, channels)
    mono = samples.mean(axis=1)
    if source_rate_hz != rate_hz:
        mono = librosa.resample(mono, orig_sr=source_rate_hz, target_sr=rate_hz, res_type="soxr_hq")
    return np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)


def _without_silence(samples: NDArray[np.int16], config: FeatureConfig, rule: SilenceRule) -> NDArray[np.int16]:
    from pydub import AudioSegment
    from pydub.silence import split_on_silence

    segment = AudioSegment(samples.tobytes(), sample_width=2, frame_rate=config.sample_rate_hz, channels=1)
    pieces = split_on_silence(segment, rule.min_silence_ms, rule.threshold_dbfs, rule.keep_silence_ms, seek_step=1)
    return np.concatenate([np.frombuffer(piece.raw_data, np.int16) for piece in pieces]) if pieces else samples


def _log_mel(audio: NDArray[np.int16], config: FeatureConfig) -> NDArray[np.float64]:
    """By librosa in float64, ``(frames, mels)``."""
    import librosa

    repeated = np.resize(audio, max(len(audio), config.window_samples)) / 32_768
    frames = librosa.util.frame(repeated, frame_length=config.frame_samples, hop_length=config.hop_samples, axis=0)
    window = librosa.filters.get_window("hann", config.frame_samples, fftbins=True)
    spectrum = np.abs(np.fft.rfft(frames * window, config.n_fft))  # (frames, bins)
    mels = (spectrum**2 if config.spectrum == "power" else spectrum) @ _mel_filters(config).T
    if config.log == "natural":
        return np.log(mels + config.log_offset)
    scale = 10 if config.spectrum == "power" else 20
    return np.maximum(10 * np.log10(config.power_floor), scale * np.log10(np.maximum(mels, np.finfo(float).tiny)))


def _mel_filters(config: FeatureConfig) -> NDArray[np.float64]:
    """``(mels, bins)``."""
    import librosa

    if config.reference == "librosa":
        return librosa.filters.mel(
            sr=config.sample_rate_hz,
            n_fft=config.n_fft,
            n_mels=config.mel_bands,
            fmin=config.fmin_hz,
            fmax=config.fmax_hz,
            dtype=np.float64,
        )
    # TensorFlow's triangles are straight over mels, librosa's over hertz; and TensorFlow leaves the bin of 0 Hz out.
    bins = librosa.hz_to_mel(librosa.fft_frequencies(sr=config.sample_rate_hz, n_fft=config.n_fft), htk=True)
    edges = librosa.hz_to_mel(np.array([config.fmin_hz, config.fmax_hz]), htk=True)
    corners = np.linspace(float(edges[0]), float(edges[1]), config.mel_bands + 2)[:, None]  # (mels + 2, 1)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    filters = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    filters[:, 0] = 0
    return filters


def _energy(audio: NDArray[np.int16], config: FeatureConfig) -> int:
    repeated = np.resize(audio, max(len(audio), config.window_samples))
    return int(np.square(repeated.astype(np.int64)).sum())


def _half_step(log_mel: NDArray[np.float32], config: FeatureConfig) -> float:
    if config.dtype == "uint8":
        return float(np.ptp(log_mel)) / 255 / 2
    return float(np.spacing(np.abs(log_mel).max().astype(config.dtype)))
