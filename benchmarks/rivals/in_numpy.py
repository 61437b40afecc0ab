"""What the loaders that run Python for each example do with a crop."""

import random

import numpy as np
import numpy.typing as npt

from rivals import MASKS, MEL_BANDS, WIDEST_BANDS, WIDEST_FRAMES, WINDOW_FRAMES


def to_masked_image(window: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.float32]:
    """Scale ``(frames, mels)`` to 0..255 and mask it."""
    low, high = int(window.min()), int(window.max())
    image = (window - np.float32(low)) * np.float32(255 / max(high - low, 1))
    for _ in range(MASKS):
        bands, frames = rng.randint(0, WIDEST_BANDS), rng.randint(0, WIDEST_FRAMES)
        first_band, first_frame = rng.randint(0, MEL_BANDS - bands), rng.randint(0, WINDOW_FRAMES - frames)
        image[:, first_band : first_band + bands] = 0
        image[first_frame : first_frame + frames] = 0
    return image  # (frames, mels)
