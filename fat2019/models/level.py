"""The level of windows: how loud a recording is says little of what it is a recording of."""

import math
from typing import Any

import keras

_PEAK = 2.0  # of the natural log-mel: some 23 dB below that of a sine at full scale
_MOST_GAIN = 100.0  # 40 dB; beyond that, what float16 has rounded off would become sound


@keras.saving.register_keras_serializable(package="fat2019")
class LevelNormalization(keras.layers.Layer):
    """Natural log-mels ``(batch, frames, mels, 1)`` -> the same sounds, as loud as one another at their peaks.

    Only for log-mels ``log(magnitude + offset)`` as they are, such as YAMNet's. The magnitudes of a window are
    multiplied by one factor, by which the greatest of them becomes ``exp(2) - offset``, but by 100 at most.
    """

    def __init__(self, offset: float, **options: Any) -> None:
        """
        Args:
            offset: of the log-mels, above 0.
            options: of a Keras layer.
        """
        super().__init__(**options)
        self.offset = offset

    def call(self, windows: Any) -> Any:
        """Natural log-mels ``(batch, frames, mels, 1)`` -> the same shape."""
        ops = keras.ops
        magnitudes = ops.relu(ops.exp(windows) - self.offset)
        loudest = ops.max(magnitudes, axis=(1, 2, 3), keepdims=True)
        peak = math.exp(_PEAK) - self.offset
        return ops.log(magnitudes * (peak / ops.maximum(loudest, peak / _MOST_GAIN)) + self.offset)

    def get_config(self) -> dict[str, Any]:
        """What it is made again with."""
        return {**super().get_config(), "offset": self.offset}
