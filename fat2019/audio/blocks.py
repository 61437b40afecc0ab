"""What decoders yield."""

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Block:
    """Some samples of a recording, in order."""

    samples: NDArray[np.float32]  # (frames, channels) on the scale of int16
    rate_hz: int
    subtype: str  # how samples are stored, in libsndfile's words
