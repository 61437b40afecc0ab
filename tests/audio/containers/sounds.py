"""Sounds as bytes of files of many formats."""

import io

import numpy as np
import soundfile

RATE = 16_000
NOISE = np.random.default_rng(1).integers(-20_000, 20_000, 5_000).astype(np.int16)
LENGTHS = [1, 700, 5_000, 48_000, 150_000]  # samples
ID3_V1 = b"TAG" + bytes(125)


def noise(samples):
    return np.random.default_rng(0).normal(0, 0.1, samples)


def encoded(samples, rate=16_000, *, silent=0, **options):
    """Noise after so many samples of silence, as the bytes of a file."""
    sound = noise(samples)
    sound[:silent] = 0
    file = io.BytesIO()
    soundfile.write(file, sound, rate, **options)
    return file.getvalue()


def uncompressed(format, samples=NOISE, **options):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format, subtype="PCM_16", **options)
    return file.getvalue()


FORMATS = ["WAV", "AIFF", "AU", "CAF", "W64", "RF64"]
