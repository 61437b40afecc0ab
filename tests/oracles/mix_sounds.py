"""Two sounds at once or in turn, point by point in plain Python."""

import math


def mixed_image(image, decibels, other, other_decibels, louder_by=0.0, turn=0.0):
    """Two images ``(frames, mels)`` in 0..255 and their ranges in decibels -> the image of what is heard of both."""
    levels = []
    for frame, (row, other_row) in enumerate(zip(image.tolist(), other.tolist(), strict=True)):
        own = [10 ** ((value / 255 - 1) * decibels / 10) for value in row]
        theirs = [10 ** (((value / 255 - 1) * other_decibels + louder_by) / 10) for value in other_row]
        if turn:
            power = own if frame < turn * len(image) else theirs
        else:
            power = [one + two for one, two in zip(own, theirs, strict=True)]
        levels.append([10 * math.log10(value) for value in power])
    low, high = min(map(min, levels)), max(map(max, levels))
    return [[(level - low) / (high - low) * 255 for level in row] for row in levels]
