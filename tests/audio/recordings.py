"""Recordings, and what is read of them or said against them."""

import numpy as np
import pytest
import soundfile

from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio

RATE = 16_000
RNG = np.random.default_rng(0)
NOISE = RNG.integers(-20_000, 20_000, 5_000).astype(np.int16)


def write(path, samples, rate=RATE, **options):
    soundfile.write(path, samples, rate, **options)
    return path


def fields(decoded):
    return decoded.samples, decoded.source_rate_hz, decoded.source_samples


def reason(path):
    with pytest.raises(UnreadableAudio) as caught:
        read_audio(path, RATE)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message
