"""Channels -> one signal at a level that 16 bits hold.

The mean of the channels, as loud as it is, is what a clip is. Three kinds of recordings would come out of that as
something else than they are, and are treated otherwise, which is said:

- channels in opposite phase, of which the mean leaves noise: the loudest one is taken alone;
- samples beyond full scale, which floats can have and 16 bits cannot: the clip is scaled down;
- deep recordings so quiet that 16 bits have nothing of them: the clip is amplified.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32_768.0  # of int16
FLOAT_SUBTYPES = frozenset(("FLOAT", "DOUBLE"))  # in libsndfile's words

_NO_SIGNAL_RANGE = 2  # steps of a sample: a constant and its rounding
_LOSSY = frozenset(("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "LOSSY"))
_DEEP = FLOAT_SUBTYPES | {"PCM_24", "PCM_32", "ALAC_20", "ALAC_24", "ALAC_32"}
_DEEP_STEP = 1 / 256  # of 24 bits, in steps of 16 bits: below it no converter hears anything
# What a lossy codec makes of a sound at full scale overshoots; to clip that is to have the sound back.
_OVERSHOOT = 2.0
# 20 dB. Channels that have nothing to do with one another lose nothing against what is expected of them.
_CANCELLED_POWER = 0.01
_FIRST_SAMPLES = 1 << 12


@dataclasses.dataclass(frozen=True)
class Mixdown:
    """A way from channels to one signal."""

    channel: int | None = None  # the one that is taken; None: the mean of all
    gain: float = 1.0

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(frames, channels)`` -> ``(frames,)``."""
        mono = self._mono(block)
        return mono if self.gain == 1.0 else mono * np.float32(self.gain)

    def _mono(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if block.shape[1] == 1:
            return block[:, 0]
        if self.channel is not None:
            return np.ascontiguousarray(block[:, min(self.channel, block.shape[1] - 1)])
        if block.shape[1] == 2:  # to the bit what mean makes of them, in a fraction of its time
            mono = block[:, 0] + block[:, 1]
            return np.multiply(mono, np.float32(0.5), out=mono)
        return block.mean(axis=1)


class Levels:
    """What one pass over a clip finds of its levels, on the scale of int16."""

    def __init__(self) -> None:
        self._low, self._high, self._peak = np.inf, -np.inf, 0.0
        self._power = np.zeros(0)  # (channels,), sums of squares
        self._mean_power = 0.0
        self._subtypes: set[str] = set()

    def add(self, block: NDArray[np.float32], mono: NDArray[np.float32], subtype: str) -> None:
        """Take in a block ``(frames, channels)`` and what became of it, ``(frames,)``."""
        self._subtypes.add(subtype)
        self._add_range(mono)
        if subtype in FLOAT_SUBTYPES | _LOSSY and len(mono):
            self._peak = max(self._peak, -float(mono.min()), float(mono.max()))
        if block.shape[1] > 1:
            power = np.array([float(np.dot(channel, channel)) for channel in block.T])
            self._power = power if len(self._power) != len(power) else self._power + power
            self._mean_power += float(np.dot(mono, mono))

    @property
    def is_signal(self) -> bool:
        """Whether samples differ by more than rounding to 16 bits."""
        return bool(self._high - self._low > _NO_SIGNAL_RANGE)

    def better(self, used: Mixdown) -> tuple[Mixdown, str] | None:
        """A mixdown that fits better than the one used for these levels, and what is to be told of it."""
        if used.channel is None and self._is_cancelled():
            channel = int(self._power.argmax())
            return Mixdown(channel), f"its channels cancel one another out: channel {channel + 1}, the loudest, is used"
        if used.gain != 1.0:
            return None
        peak = self._peak / FULL_SCALE
        if peak > (1.0 if self._subtypes & FLOAT_SUBTYPES else _OVERSHOOT):
            note = f"peaks of {peak:.2f} times full scale: scaled down by {20 * math.log10(peak):.1f} dB"
            return Mixdown(used.channel, (FULL_SCALE - 1) / self._peak), note
        if self._is_too_quiet_for_16_bits():
            peak = max(-self._low, self._high)
            gain = (FULL_SCALE - 1) / peak
            decibels = 20 * math.log10(gain)
            note = f"peaks at {-decibels:.0f} dB of full scale, of which 16 bits hold nothing: amplified by as much"
            return Mixdown(used.channel, gain), note
        return None

    def _add_range(self, mono: NDArray[np.float32]) -> None:
        for part in (mono[:_FIRST_SAMPLES], mono):  # mostly the first ones tell
            if len(part) and not self.is_signal:
                self._low = min(self._low, float(part.min()))
                self._high = max(self._high, float(part.max()))

    def _is_cancelled(self) -> bool:
        channels = len(self._power)
        expected = float(self._power.sum()) / channels**2 if channels else 0.0  # of channels without any relation
        return expected > 0 and self._mean_power < _CANCELLED_POWER * expected

    def _is_too_quiet_for_16_bits(self) -> bool:
        if self.is_signal or not self._subtypes & _DEEP:
            return False
        return self._high - self._low > _NO_SIGNAL_RANGE * _DEEP_STEP
