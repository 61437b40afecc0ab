"""Silence removal by pydub itself."""

import numpy as np
from numpy.typing import NDArray
from pydub import AudioSegment
from pydub.silence import split_on_silence


def pieces(
    samples: NDArray[np.int16], rate: int, min_silence_ms: int, threshold_dbfs: float, keep_silence_ms: int
) -> list[NDArray[np.int16]]:
    """The pieces that ``pydub.silence.split_on_silence`` keeps, as it returns them."""
    segment = AudioSegment(samples.tobytes(), sample_width=2, frame_rate=rate, channels=1)
    kept = split_on_silence(segment, min_silence_ms, threshold_dbfs, keep_silence_ms, seek_step=1)
    return [np.frombuffer(piece.raw_data, np.int16) for piece in kept]
