"""Blocks of a signal -> the same at another rate."""

import numpy as np
import soxr
from numpy.typing import NDArray


class Resampler:
    """Soxr's high-quality filter, block by block; to the bit what one pass over the whole gives."""

    def __init__(self, rate_hz: int, wanted_hz: int) -> None:
        self._rates_hz = rate_hz, wanted_hz
        self._stream: soxr.ResampleStream | None = None

    def __call__(self, block: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        """``(samples,)`` -> as many as follow from them and those before."""
        if self._rates_hz[0] == self._rates_hz[1]:
            return block
        if self._stream is None:
            if last:  # one block is the whole: a tenth less time than a stream takes
                return soxr.resample(block, *self._rates_hz)
            self._stream = soxr.ResampleStream(*self._rates_hz, 1, dtype="float32")
        return self._stream.resample_chunk(block, last=last)
