"""Clips of a store that sound like copies of one another: the same recording at another level, rate, codec or cut.

The loudest second of each clip is compared. A coarse picture of it finds candidates by one product of matrices; they
are near copies if the log-mels of that second agree, shifted against one another by a few frames at most, and so do
their departures from each band's mean, since mere timbre makes the former alike. Of clips that went through MP3 at 64
kbit/s nearly all are found, of those 12 dB quieter at half the rate four of five, of those without their beginning
about half: what is found is certain, and what is not found may still be a copy.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fat2019.audio.quantise import dequantise
from fat2019.store.reader import FeatureStore
from fat2019.utils.printable import counted

_SECONDS = 1.0
_DYNAMIC_RANGE_DB = 60.0  # below it, noise of codecs differs
_COARSE_FRAMES, _BANDS_PER_COARSE_BAND = 8, 4
_CANDIDATE, _MOST_CANDIDATES = 0.8, 5  # of the coarse pictures' correlation; those that are looked at closely
_ALIKE, _ALIKE_WITHOUT_TIMBRE = 0.97, 0.9
_MOST_SHIFT_S = 0.2

_Loud = npt.NDArray[np.float32]  # (clips, frames, bands), decibels


def near_copies(
    store: FeatureStore, held_out: npt.NDArray[np.int64], trained: npt.NDArray[np.int64]
) -> list[tuple[int, int]]:
    """For clips held out, the clips trained on that sound like copies of them.

    Args:
        store: the features.
        held_out: indices into ``store.clips``.
        trained: indices into ``store.clips``.

    Returns:
        Pairs of a clip held out and the trained one that is most like it, for those that have one.

    Raises:
        DataError: a shard is damaged.
    """
    if not len(held_out) or not len(trained):
        return []
    found = _most_alike(_loudest(store, held_out), _loudest(store, trained), _most_shift(store), among_themselves=False)
    return [(int(held_out[row]), int(trained[column])) for row, column in found]


def near_copy_of(store: FeatureStore, clips: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each clip of a store another one that sounds like a copy of it: itself if there is none.

    Args:
        store: the features.
        clips: indices into ``store.clips``; the others are compared with none.

    Returns:
        ``(clips of the store,)``.

    Raises:
        DataError: a shard is damaged.
    """
    others = np.arange(len(store.clips))
    if len(clips):
        loud = _loudest(store, clips)
        for row, column in _most_alike(loud, loud, _most_shift(store), among_themselves=True):
            others[clips[row]] = clips[column]
    return others


def describe_near_copies(store: FeatureStore, pairs: Sequence[tuple[int, int]]) -> str | None:
    """A line on how many clips held out have a near copy in training; None if there are none."""
    if not pairs:
        return None
    fnames = store.clips["fname"].to_numpy()
    clip, other = pairs[0]
    count = counted(len(pairs), "clip")
    return (
        f"{count} of validation and test sound{'s' if len(pairs) == 1 else ''} like one trained on, such as "
        f"{fnames[clip]} like {fnames[other]}: scores may flatter; --near-copies together, or a table with a column "
        "`group`, keeps them on one side"
    )


def _most_shift(store: FeatureStore) -> int:
    return round(_MOST_SHIFT_S * store.config.sample_rate_hz / store.config.hop_samples)


def _most_alike(ours: _Loud, theirs: _Loud, most_shift: int, *, among_themselves: bool) -> list[tuple[int, int]]:
    """For each second that has one, that of theirs which is a near copy; among themselves, none is one of itself."""
    coarse, pairs = (_coarse(ours), _coarse(theirs)), []
    for row in range(len(ours)):
        alike = coarse[1] @ coarse[0][row]
        if among_themselves:
            alike[row] = -1
        likely = np.flatnonzero(alike > _CANDIDATE)
        for column in likely[np.argsort(-alike[likely])][:_MOST_CANDIDATES].tolist():
            if _agree(ours[row], theirs[column], most_shift):
                pairs.append((row, column))
                break
    return pairs


def _loudest(store: FeatureStore, clips: npt.NDArray[np.int64]) -> _Loud:
    """The second of most power of each clip, in decibels, its quiet parts raised to what can be compared."""
    config = store.config
    frames = round(_SECONDS * config.sample_rate_hz / config.hop_samples)
    flat = store.read_log_mels(clips)
    seconds = np.empty((len(clips), frames, config.mel_bands), np.float32)
    for index in range(len(clips)):
        log_mel = flat.log_mel[flat.frame_offset[index] : flat.frame_offset[index + 1]]
        decibels = dequantise(log_mel, flat.decibel_range[index]) * config.decibels_per_unit
        power = np.concatenate([[0.0], np.cumsum(np.power(10.0, decibels / 10).sum(axis=1))])
        start = int(np.argmax(power[frames:] - power[:-frames])) if len(decibels) > frames else 0
        seconds[index] = np.resize(decibels[start : start + frames], seconds[index].shape)
    return np.maximum(seconds, seconds.max(axis=(1, 2), keepdims=True) - _DYNAMIC_RANGE_DB)


def _coarse(loud: _Loud) -> npt.NDArray[np.float32]:
    """Pictures of few frames and bands, of mean 0 and length 1: ``(clips, values)``."""
    bands = loud.shape[2] // _BANDS_PER_COARSE_BAND * _BANDS_PER_COARSE_BAND
    pooled = loud[..., :bands].reshape(*loud.shape[:2], -1, _BANDS_PER_COARSE_BAND).mean(axis=3)
    parts = np.array_split(pooled, _COARSE_FRAMES, axis=1)
    return _of_length_one(np.concatenate([part.mean(axis=1) for part in parts], axis=1))


def _agree(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], most_shift: int) -> bool:
    """Whether two seconds ``(frames, bands)`` are alike, shifted against one another by at most so many frames."""
    for shift in range(-most_shift, most_shift + 1):
        ours = one[max(0, shift) : len(one) + min(0, shift)]
        theirs = other[max(0, -shift) : len(other) + min(0, -shift)]
        if (
            _correlation(ours, theirs) > _ALIKE
            and _correlation(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)) > _ALIKE_WITHOUT_TIMBRE
        ):
            return True
    return False


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    first, second = (_of_length_one(values.reshape(1, -1)) for values in (one, other))
    return float((first @ second.T).item())


def _of_length_one(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
