"""SpecAugment on one image, step by step in NumPy, from the paper's section 2 (arXiv 1904.08779)."""

import numpy as np


def spec_augment(image, uniforms, policy):
    """``(frames, mels)`` and the random numbers of this image -> ``(frames, mels)``.

    The numbers are used in this order: the frame to warp, its distance; the widths of the band masks, their starts;
    the widths of the frame masks, their starts.
    """
    frames, bands = image.shape
    uniforms = list(np.asarray(uniforms, np.float32))
    source, target = warp(uniforms.pop(0), uniforms.pop(0), frames, policy.time_warp_frames)
    if policy.time_warp_frames:
        image = time_warp(image, source, target)
    value = {"zero": 0.0, "minimum": image.min(), "mean": image.mean(dtype=np.float64)}[policy.fill]
    masked = image.copy()
    widths = [uniforms.pop(0) for _ in range(policy.frequency_masks)]
    for first, end in masks(widths, uniforms, bands, min(policy.frequency_mask_bands, bands)):
        masked[:, first:end] = value
    uniforms = uniforms[policy.frequency_masks :]
    widths = [uniforms.pop(0) for _ in range(policy.time_masks)]
    for first, end in masks(
        widths, uniforms, frames, min(policy.time_mask_frames, int(frames * policy.time_mask_share))
    ):
        masked[first:end] = value
    return masked


def masks(widths, starts, size, widest):
    """[first, end) of each mask: a width of 0..widest, then any of the places where it fits."""
    result = []
    for width_uniform, start_uniform in zip(widths, starts, strict=False):
        width = int(np.float32(width_uniform) * np.float32(widest + 1))
        first = int(np.float32(start_uniform) * np.float32(size - width + 1))
        result.append((first, first + width))
    return result


def warp(source_uniform, distance_uniform, frames, most):
    """The frame that moves, at least ``most`` (or half the image) from its ends, and where it goes."""
    most = max(0, min(most, (frames - 1) // 2 - 1))
    margin = max(most, 1)
    source = margin + source_uniform * (frames - 1 - 2 * margin)
    target = source + (2 * distance_uniform - 1) * most
    return source, min(max(target, 1), frames - 2)


def time_warp(image, source, target):
    """Frame ``source`` goes to ``target``, the ends stay, and everything between is stretched linearly."""
    frames, bands = image.shape
    seen = np.interp(np.arange(frames), [0, target, frames - 1], [0, source, frames - 1])
    return np.stack([np.interp(seen, np.arange(frames), image[:, band]) for band in range(bands)], axis=1)
