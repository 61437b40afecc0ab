"""Features of a clip by the libraries' own functions, one after the other, as a first version would have it."""

from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
from pydub import AudioSegment
from pydub.silence import split_on_silence

from fat2019.config.features import FeatureConfig


def write_features(path: Path, split: str, out: Path, config: FeatureConfig) -> None:
    """Decode, resample, desilence, log-mel, and save desilenced audio and log-mel as two ``.npy`` files.

    The definition is the store's, but that log-mels stay float32. Nothing is checked, and nothing made durable.
    """
    samples, rate = librosa.load(path, sr=config.sample_rate_hz)
    audio = _desilence(_to_int16(samples), split, config)  # (samples,)
    repeated = np.resize(audio, max(len(audio), config.window_samples))
    power = librosa.feature.melspectrogram(
        y=repeated.astype(np.float32) / 32_768,
        sr=rate,
        n_fft=config.n_fft,
        hop_length=config.hop_samples,
        center=False,
        n_mels=config.mel_bands,
        fmin=config.fmin_hz,
        fmax=config.fmax_hz,
    )  # (mels, frames)
    log_mel = librosa.power_to_db(power, ref=1.0, amin=config.power_floor, top_db=None)
    np.save(out / f"{path.stem}.audio.npy", audio)
    np.save(out / f"{path.stem}.logmel.npy", log_mel.T)


def _to_int16(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)


def _desilence(samples: npt.NDArray[np.int16], split: str, config: FeatureConfig) -> npt.NDArray[np.int16]:
    rule = config.silence_rule(split, len(samples) / config.sample_rate_hz)
    segment = AudioSegment(samples.tobytes(), sample_width=2, frame_rate=config.sample_rate_hz, channels=1)
    pieces = split_on_silence(segment, rule.min_silence_ms, rule.threshold_dbfs, keep_silence=rule.keep_silence_ms)
    if not pieces:
        return samples
    return np.concatenate([np.array(piece.get_array_of_samples(), np.int16) for piece in pieces])
