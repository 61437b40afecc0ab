"""Two sounds at once, point by point in plain Python."""

import math


def mixed_image(image, decibels, other, other_decibels):
    """Two images ``(frames, mels)`` in 0..255 and their ranges in decibels -> the image of the sum of their powers."""
    power = [
        [
            10 ** ((own / 255 - 1) * decibels / 10) + 10 ** ((theirs / 255 - 1) * other_decibels / 10)
            for own, theirs in zip(row, other_row, strict=True)
        ]
        for row, other_row in zip(image.tolist(), other.tolist(), strict=True)
    ]
    levels = [[10 * math.log10(value) for value in row] for row in power]
    low, high = min(map(min, levels)), max(map(max, levels))
    return [[(level - low) / (high - low) * 255 for level in row] for row in levels]
