"""Networks that were registered from outside, by name."""

from collections.abc import Callable

import keras

Builder = Callable[[int, tuple[int, int]], keras.Model]  # classes and (frames, mels) -> images to probabilities

BUILDERS: dict[str, Builder] = {}
