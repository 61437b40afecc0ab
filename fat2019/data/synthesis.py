"""A small data set made of synthetic sounds, to try everything without the real recordings.

It has Kaggle's layout, names of real classes, and the traits that the real data trouble a tagger with:
lengths from 0.3 to 20 s, pauses, clips of two sounds, a curated part, and a noisy part in which about a
third of the labels are wrong. The sounds only stand for their classes: a score on them says nothing about
the real data.

Each clip is a function of (seed, split, index) alone. Sounds are float32, mono, 44.1 kHz.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import soundfile

from fat2019.config.features import SPLITS
from fat2019.errors import DataError
from fat2019.utils.files import clear_unfinished, make_folder, write_whole

RATE_HZ = 44_100
RECORD = "synthesis.json"  # what was asked for, and whether it is finished
VERSION = 1  # to be raised with any change of the clips' bytes

FOLDERS = {"curated": "train_curated", "noisy": "train_noisy", "test": "test"}
TABLES = {"curated": "train_curated.csv", "noisy": "train_noisy.csv", "test": "test_truth.csv"}

SHORTEST_S = {"curated": 0.3, "noisy": 2.0, "test": 0.3}
LONGEST_S = {"curated": 20.0, "noisy": 15.0, "test": 20.0}
TWO_SOUNDS_SHARE = 0.2
WRONG_LABEL_SHARE = 0.3  # of noisy clips


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a clip is to hold."""

    fname: str
    split: str
    seconds: float
    heard: tuple[str, ...]  # one class, or two
    overlaid: bool  # two sounds at the same time; otherwise one after the other
    labels: tuple[str, ...]  # what the CSV says: other than heard in some noisy clips


def make_data_set(
    out: Path | str,
    *,
    curated: int = 240,
    noisy: int = 240,
    test: int = 120,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a data set below ``out``: the same bytes for the same arguments; nothing if it is there already.

    The CSV files come last, so that an interrupted run is not mistaken for a data set: the next call
    begins it anew. The labels of the test clips go to ``test_truth.csv``.

    Args:
        out: a folder, new or empty, or of an earlier call with the same arguments.
        curated, noisy, test: counts of clips.
        seed: another seed, other sounds.
        progress: called with (clips done, clips in all) after each clip.

    Raises:
        DataError: the folder holds something else or cannot be written to, or a count is out of range.
    """
    out = Path(out)
    counts = {"curated": curated, "noisy": noisy, "test": test}
    if curated < 1 or noisy < 0 or test < 0 or seed < 0:
        raise DataError(f"expected curated >= 1 and noisy, test, seed >= 0, received {counts}, seed {seed}")
    asked = {"version": VERSION, "seed": seed, **counts}
    if _is_finished(out, asked):
        return
    make_folder(out)
    clear_unfinished(out)
    write_whole(out / RECORD, _record(asked, finished=False))
    plans = {split: [plan_clip(seed, split, index) for index in range(counts[split])] for split in SPLITS}
    total, done = sum(counts.values()), 0
    for split in SPLITS:
        for index, plan in enumerate(plans[split]):
            (out / FOLDERS[split]).mkdir(exist_ok=True)
            samples = synthesise(plan, _generator(seed, split, index, "sound"))  # (samples,)
            write_whole(out / FOLDERS[split] / plan.fname, _wav(samples))
            done += 1
            if progress:
                progress(done, total)
    _write_tables(out, plans)
    write_whole(out / RECORD, _record(asked, finished=True))


def plan_clip(seed: int, split: str, index: int) -> Plan:
    """Decide on the clip's length, sounds and labels. Classes take turns; clips 0 and 1 are the extremes."""
    rng = _generator(seed, split, index, "plan")
    names = list(SOUNDS)
    heard = [names[index % len(names)]]
    if rng.random() < TWO_SOUNDS_SHARE:
        heard.append(_another(rng, heard))
    wrong = split == "noisy" and rng.random() < WRONG_LABEL_SHARE
    labels = [_another(rng, heard)] if wrong else heard
    shortest, longest = SHORTEST_S[split], LONGEST_S[split]
    # The exponent makes short clips the most frequent, as they are among the real curated ones.
    seconds = shortest * (longest / shortest) ** (rng.random() ** 1.5)
    return Plan(
        fname=_file_name(seed, split, index),
        split=split,
        seconds={0: shortest, 1: longest}.get(index, seconds),
        heard=tuple(sorted(heard)),
        overlaid=bool(rng.random() < 0.5),
        labels=tuple(sorted(labels)),
    )


def synthesise(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """The clip's samples, ``(samples,)`` int16."""
    samples = round(plan.seconds * RATE_HZ)
    if len(plan.heard) == 2 and not plan.overlaid:
        half = samples // 2
        lengths = (half, samples - half)
        track = np.concatenate([_track(rng, name, n) for name, n in zip(plan.heard, lengths, strict=True)])
    else:
        track = np.sum([_track(rng, name, samples) for name in plan.heard], axis=0)  # (samples,)
    track *= _log_uniform(rng, 0.1, 0.9) / np.abs(track).max()
    # Curated pauses hold about one step of the quantiser, noisy ones the murmur of a quiet room.
    floor = 1 / 32768 if plan.split != "noisy" else _log_uniform(rng, 3e-4, 2e-3)
    track += _background(rng, samples, floor)
    return np.clip(np.rint(track * 32767), -32768, 32767).astype(np.int16)


def _is_finished(out: Path, asked: dict[str, int]) -> bool:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: a file, where the folder for a data set is expected")
    if not out.exists() or not any(out.iterdir()):
        return False
    if not (out / RECORD).is_file():
        raise DataError(f"{out}: not empty, and not made by an earlier synthesis: choose a new folder")
    text = (out / RECORD).read_text(encoding="utf-8")
    if text == _record(asked, finished=True):
        return True
    if text == _record(asked, finished=False):
        return False
    raise DataError(
        f"{out}: holds a synthetic data set of other parameters ({RECORD}): choose a new folder, or delete this one"
    )


def _record(asked: dict[str, int], *, finished: bool) -> str:
    return json.dumps({**asked, "finished": finished}, indent=1) + "\n"


def _write_tables(out: Path, plans: dict[str, list[Plan]]) -> None:
    names = sorted(SOUNDS)
    sample = [[plan.fname, *[0] * len(names)] for plan in sorted(plans["test"], key=lambda plan: plan.fname)]
    write_whole(out / "sample_submission.csv", _csv(["fname", *names], sample))
    for split in SPLITS:
        rows = sorted((plan.fname, ",".join(plan.labels)) for plan in plans[split])
        if rows:
            write_whole(out / TABLES[split], _csv(["fname", "labels"], rows))


def _wav(samples: np.ndarray) -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, samples, RATE_HZ, format="WAV", subtype="PCM_16")
    return wav.getvalue()


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _generator(seed: int, split: str, index: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, SPLITS.index(split), index, ("plan", "sound").index(purpose)])


def _another(rng: np.random.Generator, names: Sequence[str]) -> str:
    return str(rng.choice([name for name in SOUNDS if name not in names]))


def _file_name(seed: int, split: str, index: int) -> str:
    """Eight hexadecimal digits: an odd factor permutes the 32-bit numbers, so that no name occurs twice."""
    number = (SPLITS.index(split) << 24) + index
    return f"{(number * 2_654_435_761 + seed * 40_503) % 2**32:08x}.wav"


def _track(rng: np.random.Generator, name: str, samples: int) -> np.ndarray:
    """Events of one class with pauses between them, ``(samples,)``."""
    track = np.zeros(samples, np.float32)
    events: list[np.ndarray] = []
    start = 0
    while start < samples:
        # A few different events are enough for a clip, and later ones repeat them more loudly or softly.
        if len(events) < 3:
            events.append(_event(rng, name))
        event = events[rng.integers(len(events))][: samples - start]
        track[start : start + len(event)] = event * np.float32(rng.uniform(0.5, 1.0))
        pause_s = rng.uniform(0.05, 0.3) if rng.random() < 0.5 else rng.uniform(0.6, 1.5)
        start += len(event) + round(pause_s * RATE_HZ)
    return track


def _event(rng: np.random.Generator, name: str) -> np.ndarray:
    """One event of a class with a peak of 1 and soft ends, so that nothing but the sound itself clicks."""
    event = np.asarray(SOUNDS[name](rng), np.float32)
    event /= np.abs(event).max()
    ramp = np.linspace(0, 1, 128, dtype=np.float32)
    event[:128] *= ramp
    event[-128:] *= ramp[::-1]
    return event


def _background(rng: np.random.Generator, samples: int, level: float) -> np.ndarray:
    """White noise ``(samples,)`` of an RMS: one second of it, repeated, for speed."""
    noise = rng.standard_normal(min(samples, RATE_HZ), np.float32) * np.float32(level)
    return np.resize(noise, samples)


# The building blocks of the sounds.


def _time(seconds: float) -> np.ndarray:
    """Seconds since the event's start, ``(samples,)``."""
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _wave(pitch_hz: np.ndarray, amplitudes: Sequence[float] | np.ndarray = (1.0,)) -> np.ndarray:
    """A tone that follows a pitch, ``(samples,)`` -> ``(samples,)``, with the amplitudes of its harmonics.

    One period is tabulated and looked up, which costs the same for one harmonic and for sixty.
    """
    spectrum = np.zeros(2049, np.complex64)
    spectrum[1 : len(amplitudes) + 1] = -1j * np.asarray(amplitudes)
    table = scipy.fft.irfft(spectrum, norm="forward") / 2  # (4096,)
    cycles = np.cumsum(pitch_hz) / RATE_HZ
    return table[(cycles * 4096).astype(np.int64) & 4095]


def _strike(t: np.ndarray, pitch_hz: float, ratios: Sequence[float], decay_s: float) -> np.ndarray:
    """A struck body: partials at ratios of the pitch, higher ones softer and shorter."""
    tone = np.zeros(len(t))
    for order, ratio in enumerate(ratios, start=1):
        if pitch_hz * ratio < RATE_HZ / 2:
            tone += _wave(np.full(len(t), pitch_hz * ratio)) * np.exp(-t * (ratio / decay_s)) / order
    return tone


def _noise(rng: np.random.Generator, samples: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Noise ``(samples,)`` confined to a band."""
    size = scipy.fft.next_fast_len(samples, real=True)
    low, high = round(low_hz * size / RATE_HZ), round(high_hz * size / RATE_HZ)
    spectrum = np.zeros(size // 2 + 1, np.complex64)
    band = rng.standard_normal((2, high - low), np.float32)
    spectrum[low:high] = band[0] + 1j * band[1]
    noise = scipy.fft.irfft(spectrum, size)[:samples]
    return noise / np.abs(noise).max()


def _repeat(hits: Sequence[np.ndarray], interval_s: float) -> np.ndarray:
    """Hits at a steady interval; they may ring into one another."""
    interval = round(interval_s * RATE_HZ)
    sequence = np.zeros(interval * (len(hits) - 1) + max(map(len, hits)))
    for order, hit in enumerate(hits):
        sequence[order * interval : order * interval + len(hit)] += hit
    return sequence


# The sounds: each draws one event of its class.


def _accordion(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.6, 1.8))
    pitch = np.full(len(t), _log_uniform(rng, 220, 600))
    harmonics = 1 / np.arange(1, 16) ** rng.uniform(0.7, 1.2)
    detuned = 1 + rng.uniform(0.003, 0.01)  # two reeds a note, which beat
    swell = np.minimum(1, np.minimum(t, t[::-1]) / 0.08)
    return (_wave(pitch, harmonics) + _wave(pitch * detuned, harmonics)) * swell


def _acoustic_guitar(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.6, 2.0))
    pitch = np.full(len(t), _log_uniform(rng, 82, 330))
    order = np.arange(1, 31)
    plucked_at = rng.uniform(0.1, 0.3)  # share of the string's length
    bright = np.abs(np.sin(np.pi * order * plucked_at)) / order
    dull = bright * np.exp(-order / 3)
    ring_s = rng.uniform(0.3, 0.8)
    return _wave(pitch, bright) * np.exp(-t * 5 / ring_s) + 2 * _wave(pitch, dull) * np.exp(-t / ring_s)


def _bark(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.12, 0.25))
    u = t / t[-1]
    pitch = _log_uniform(rng, 280, 500) * (1.5 - 0.7 * u)
    order = np.arange(1, 13)
    harmonics = np.exp(-((order - rng.uniform(2, 4)) ** 2) / 6)
    rough = _noise(rng, len(t), 500, 2500) * rng.uniform(0.3, 0.8)
    return (_wave(pitch, harmonics) + rough) * np.sin(np.pi * u**0.5)


def _bass_drum(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.25, 0.6))
    pitch = rng.uniform(40, 65) + rng.uniform(60, 200) * np.exp(-t / rng.uniform(0.02, 0.05))
    return _wave(pitch) * np.exp(-t / rng.uniform(0.05, 0.15))


def _chirp_and_tweet(rng: np.random.Generator) -> np.ndarray:
    middle = _log_uniform(rng, 2500, 5500)
    sweep = rng.uniform(-0.35, 0.35)
    hits = []
    for _ in range(rng.integers(2, 7)):
        t = _time(rng.uniform(0.05, 0.12))
        u = t / t[-1]
        hits.append(_wave(middle * (1 + sweep * (2 * u - 1)), (1.0, 0.2)) * np.sin(np.pi * u))
    return _repeat(hits, rng.uniform(0.1, 0.2))


def _church_bell(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(1.5, 4.0))
    ratios = (1.0, 0.5, 1.2, 1.5, 2.0, 2.6, 3.0, 4.1)  # prime, hum, minor third, fifth, ...
    return _strike(t, _log_uniform(rng, 250, 600), ratios, decay_s=rng.uniform(0.7, 1.8))


def _clapping(rng: np.random.Generator) -> np.ndarray:
    low = _log_uniform(rng, 600, 1200)
    hits = []
    for _ in range(rng.integers(3, 8)):
        t = _time(0.12)
        hits.append(_noise(rng, len(t), low, low * 4) * np.exp(-t / rng.uniform(0.008, 0.02)))
    return _repeat(hits, rng.uniform(0.16, 0.35))


def _cricket(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.5, 1.5))
    pulses = np.maximum(0, np.sin(2 * np.pi * rng.uniform(25, 45) * t))
    return _wave(np.full(len(t), rng.uniform(3800, 5000))) * pulses


def _drip(rng: np.random.Generator) -> np.ndarray:
    t = _time(0.15)
    pitch = _log_uniform(rng, 600, 1400) * (1 + rng.uniform(3, 10) * t)
    return _wave(pitch) * np.exp(-t / rng.uniform(0.015, 0.04))


def _hi_hat(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.1, 0.5))
    return _noise(rng, len(t), rng.uniform(5000, 7000), 16_000) * np.exp(-t / rng.uniform(0.02, 0.12))


def _hiss(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.8, 2.5))
    swell = np.minimum(1, np.minimum(t, t[::-1]) / rng.uniform(0.05, 0.3))
    return _noise(rng, len(t), rng.uniform(1500, 3000), rng.uniform(9000, 14_000)) * swell


def _knock(rng: np.random.Generator) -> np.ndarray:
    pitch = _log_uniform(rng, 150, 350)
    hits = []
    for _ in range(rng.integers(2, 6)):
        t = _time(0.15)
        thud = _strike(t, pitch, (1.0, 1.6, 2.3, 3.7), decay_s=rng.uniform(0.03, 0.06))
        hits.append(thud + 0.3 * _noise(rng, len(t), 100, 1200) * np.exp(-t / 0.01))
    return _repeat(hits, rng.uniform(0.15, 0.3))


def _marimba_and_xylophone(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.3, 0.8))
    return _strike(t, _log_uniform(rng, 250, 1000), (1.0, 3.9, 9.2), decay_s=rng.uniform(0.1, 0.3))


def _meow(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(0.5, 1.1))
    u = t / t[-1]
    pitch = _log_uniform(rng, 400, 700) * (1 + rng.uniform(0.2, 0.6) * np.sin(np.pi * u))
    order = np.arange(1, 11)
    harmonics = np.exp(-np.abs(order - rng.uniform(1.5, 3.5)) / 1.5)
    return _wave(pitch, harmonics) * np.sin(np.pi * u) ** 0.5


def _motorcycle(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(1.0, 3.0))
    u = t / t[-1]
    pitch = _log_uniform(rng, 25, 55) * (1 + rng.uniform(-0.2, 0.8) * u)
    order = np.arange(1, 61)
    harmonics = np.exp(-np.abs(order - rng.uniform(2, 6)) / rng.uniform(6, 12))
    exhaust = 0.2 * _noise(rng, len(t), 60, 900)
    return (_wave(pitch, harmonics * rng.choice([-1, 1], 60)) + exhaust) * np.minimum(1, (t + 0.05) / 0.3)


def _waves_and_surf(rng: np.random.Generator) -> np.ndarray:
    t = _time(rng.uniform(2.0, 4.5))
    swell = np.sin(np.pi * (t / t[-1]) ** rng.uniform(0.6, 1.2)) ** 2
    return (_noise(rng, len(t), 80, 600) + _noise(rng, len(t), 80, rng.uniform(2000, 4000))) * swell


SOUNDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "Accordion": _accordion,
    "Acoustic_guitar": _acoustic_guitar,
    "Bark": _bark,
    "Bass_drum": _bass_drum,
    "Chirp_and_tweet": _chirp_and_tweet,
    "Church_bell": _church_bell,
    "Clapping": _clapping,
    "Cricket": _cricket,
    "Drip": _drip,
    "Hi-hat": _hi_hat,
    "Hiss": _hiss,
    "Knock": _knock,
    "Marimba_and_xylophone": _marimba_and_xylophone,
    "Meow": _meow,
    "Motorcycle": _motorcycle,
    "Waves_and_surf": _waves_and_surf,
}
