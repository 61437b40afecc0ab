"""What is stored of a clip: every array once, with its type, its shape and how it is packed.

An array either has one row per clip, or holds the entries of all clips one after another; then an array of offsets says
where each clip begins. To add one, add a field to :class:`ClipFeatures`, a row to :data:`ARRAYS` and the function
that computes it to ``audio/clip.py``; the formats, the reader and the deep check take it from here.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fat2019.audio.quantise import stored_type
from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary

FORMAT_VERSION = 2  # of what is written; an older store keeps its own until something of it changes
READ_VERSIONS = (1, 2)
_KEY_DIGITS = 12


@dataclasses.dataclass(frozen=True)
class ClipFeatures:
    """Everything that is stored of one clip; its fields are named as the arrays are."""

    fname: str
    labels: tuple[int, ...]  # indices into the vocabulary, ascending
    usage: str
    audio: NDArray[np.int16]  # (samples,), desilenced, before repetition
    log_mel: NDArray[Any]  # (frames, mels) in the stored type
    decibel_range: NDArray[np.float32]  # (2,), least and greatest decibels
    energy: NDArray[np.int64]  # (energy points,)
    source_rate_hz: int
    source_samples: int
    kept_whole: bool


@dataclasses.dataclass(frozen=True)
class ShardHead:
    """What the files say of a shard as a whole."""

    name: str
    split: str
    key: str
    config: FeatureConfig
    vocabulary: Vocabulary
    format_version: int = FORMAT_VERSION


@dataclasses.dataclass(frozen=True)
class ShardShape:
    """The clips of a shard and their lengths, from which every shape in its files follows."""

    name: str
    key: str
    config: FeatureConfig
    classes: int
    fnames: tuple[str, ...]
    usages: tuple[str, ...]
    samples: tuple[int, ...]
    frames: tuple[int, ...]
    format_version: int = FORMAT_VERSION

    @classmethod
    def of(cls, head: ShardHead, clips: Sequence[ClipFeatures]) -> "ShardShape":
        """The shape of a shard of these clips."""
        return cls(
            head.name,
            head.key,
            head.config,
            len(head.vocabulary),
            tuple(clip.fname for clip in clips),
            tuple(clip.usage for clip in clips),
            tuple(len(clip.audio) for clip in clips),
            tuple(len(clip.log_mel) for clip in clips),
            head.format_version,
        )

    @property
    def stem(self) -> str:
        """What the names of its files begin with.

        Since version 2 part of the key is in it, so that the files of a shard lie beside those that take their place.
        """
        return self.name if self.format_version < 2 else f"{self.name}-{self.key[:_KEY_DIGITS]}"

    def offset(self, name: str) -> NDArray[np.int64]:
        """``(clips + 1,)``: clip i has the entries of an array from offset i up to offset i + 1."""
        if name not in self._offsets:
            lengths = ARRAYS[name].lengths
            self._offsets[name] = offsets([1] * len(self.fnames) if lengths is None else lengths(self))
        return self._offsets[name]

    def dimensions(self, name: str) -> tuple[int, ...]:
        """The shape of an array: its entries, by what each is."""
        return int(self.offset(name)[-1]), *ARRAYS[name].entry(self)

    def least_bytes(self, names: Iterable[str]) -> int:
        """What the large ones of these arrays take, which no file that holds them can be shorter than."""
        return sum(
            ARRAYS[name].dtype(self).itemsize * int(np.prod(self.dimensions(name), dtype=object))
            for name in names
            if ARRAYS[name].lengths
        )

    @functools.cached_property
    def _offsets(self) -> dict[str, NDArray[np.int64]]:
        return {}


@dataclasses.dataclass(frozen=True)
class StoredArray:
    """An array of a shard.

    Args:
        name: that of the field of :class:`ClipFeatures`.
        dtype: little-endian.
        entry: the shape of one entry.
        lengths: how many entries each clip has, if that differs; without it, every clip has one.
        offset_name: what the array of offsets is called, if there are lengths.
        pack: a clip's value -> what is stored: ``(entries, *entry)`` with lengths, else ``entry``.
        unpack: the inverse; raises ValueError for what :attr:`pack` cannot have given.
        is_trained_on: whether training needs it, and streams it without the others.
    """

    name: str
    dtype: Callable[[ShardShape], np.dtype[Any]]
    entry: Callable[[ShardShape], tuple[int, ...]] = lambda shape: ()
    lengths: Callable[[ShardShape], Sequence[int]] | None = None
    offset_name: str = ""
    pack: Callable[[Any, ShardShape], Any] = lambda value, shape: value
    unpack: Callable[[Any], Any] = lambda stored: stored
    is_trained_on: bool = False


def energy_points(frames: int, config: FeatureConfig) -> int:
    """Entries of a clip's cumulative energy: one more than the hops that its frames see."""
    return config.hops(frames) + 1


def offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """``(n,)`` lengths -> ``(n + 1,)`` where each piece starts in their concatenation, and its length."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def _multi_hot(labels: Sequence[int], shape: ShardShape) -> NDArray[np.uint8]:
    vector = np.zeros(shape.classes, np.uint8)
    vector[list(labels)] = 1
    return vector


def _indices(vector: NDArray[np.uint8]) -> tuple[int, ...]:
    if vector.max(initial=0) > 1:
        raise ValueError("labels that are neither 0 nor 1")
    return tuple(np.flatnonzero(vector).tolist())


def _text_type(texts: Iterable[str]) -> np.dtype[Any]:
    return np.dtype(f"S{max(1, *(len(text.encode()) for text in texts))}")


def _encode(text: str, _: ShardShape) -> bytes:
    return text.encode()


def _decode(stored: bytes) -> str:
    return stored.decode(errors="replace")


# In the order in which files hold them.
ARRAYS: Mapping[str, StoredArray] = {
    array.name: array
    for array in (
        StoredArray("fname", lambda shape: _text_type(shape.fnames), pack=_encode, unpack=_decode, is_trained_on=True),
        StoredArray(
            "labels",
            lambda shape: np.dtype("u1"),
            entry=lambda shape: (shape.classes,),
            pack=_multi_hot,
            unpack=_indices,
            is_trained_on=True,
        ),
        StoredArray("usage", lambda shape: _text_type(shape.usages), pack=_encode, unpack=_decode, is_trained_on=True),
        StoredArray(
            "audio", lambda shape: np.dtype("<i2"), lengths=lambda shape: shape.samples, offset_name="audio_offset"
        ),
        StoredArray(
            "log_mel",
            lambda shape: stored_type(shape.config),
            entry=lambda shape: (shape.config.mel_bands,),
            lengths=lambda shape: shape.frames,
            offset_name="frame_offset",
            is_trained_on=True,
        ),
        StoredArray("decibel_range", lambda shape: np.dtype("<f4"), entry=lambda shape: (2,), is_trained_on=True),
        StoredArray(
            "energy",
            lambda shape: np.dtype("<i8"),
            lengths=lambda shape: [energy_points(frames, shape.config) for frames in shape.frames],
            offset_name="energy_offset",
            is_trained_on=True,
        ),
        StoredArray("source_rate_hz", lambda shape: np.dtype("<i4"), unpack=int),
        StoredArray("source_samples", lambda shape: np.dtype("<i8"), unpack=int),
        StoredArray("kept_whole", lambda shape: np.dtype("u1"), unpack=bool),
    )
}
