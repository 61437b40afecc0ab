"""One training image, made the slow way: from a clip's stored log-mel, its audio and its random numbers."""

import numpy as np

from tests.oracles import spec_augment


def training_image(stored, audio, window_uniforms, config, policy=None, uniforms=None):
    """A clip ``(frames, mels)`` as stored, its ``(samples,)`` -> an image ``(frames, mels)`` in 0..255.

    Without a policy the image is not augmented.
    """
    start = loudest_start(audio, window_uniforms, len(stored), config)
    window = stored[start : start + config.window_frames]
    image = scaled(window) if config.scaling == "image" else window.astype(np.float64)
    return image if policy is None else spec_augment.spec_augment(image, uniforms, policy)


def loudest_start(audio, window_uniforms, frames, config):
    """The candidate whose samples have the highest energy; the first of equals."""
    windows = frames - config.window_frames + 1
    starts = [int(np.float32(uniform) * np.float32(windows)) for uniform in window_uniforms]
    energies = [window_energy(audio, start, config) for start in starts]
    return starts[energies.index(max(energies))]


def window_energy(audio, start, config):
    """The energy of the whole hops that the frames of a window see; a shorter clip is repeated to one window."""
    if len(audio) < config.window_samples:
        audio = np.resize(audio, config.window_samples)
    frame_hops = -(-(config.win_samples or config.n_fft) // config.hop_samples)
    seen = (config.window_frames - 1 + frame_hops) * config.hop_samples
    first = start * config.hop_samples
    return int((audio[first : first + seen].astype(np.int64) ** 2).sum())


def scaled(window):
    """A window's own range -> 0..255."""
    window = window.astype(np.float64)
    low, high = window.min(), window.max()
    return (window - low) / (high - low) * 255 if high > low else np.zeros_like(window)
