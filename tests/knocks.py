"""Recordings that are like no other, so that near copies are told from other sounds of the same kind."""

import numpy as np
import scipy.signal

RATE_HZ = 16_000


def knocks(seed):
    """Noise in bursts that decay, each of its own height, moment and colour: a recording like no other."""
    rng = np.random.default_rng(seed)
    sound = 3e-3 * rng.normal(size=3 * RATE_HZ)  # loud enough that nothing of it is silence
    for start in rng.integers(0, 2 * RATE_HZ, 12):
        burst = rng.normal(size=RATE_HZ // 2) * np.exp(-np.arange(RATE_HZ // 2) / rng.integers(300, 4000))
        low = rng.uniform(0.02, 0.4)
        band = scipy.signal.lfilter(*scipy.signal.butter(2, [low, low + 0.2], "band"), burst)
        sound[start : start + len(band)] += rng.uniform(0.05, 0.3) * band
    return sound
