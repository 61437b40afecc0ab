"""Google's grain over log-mels in memory."""

import random
from collections.abc import Iterator

import grain
import numpy as np
import numpy.typing as npt

from rivals import BATCH_WINDOWS, WINDOW_FRAMES
from rivals.in_numpy import to_masked_image


def grain_dataset(
    log_mel: npt.NDArray[np.uint8], frame_offset: npt.NDArray[np.int64], labels: npt.NDArray[np.float32]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """grain's way, by its tutorial "Dataset basics": a ``MapDataset`` shuffled, mapped at random, and batched.

    No reading threads, which ``grain.ReadOptions`` advises for data in memory.

    Args:
        log_mel: ``(frames of all clips, mels)``.
        frame_offset: ``(clips + 1,)``.
        labels: ``(clips, classes)``.
    """
    offset = frame_offset.tolist()

    def crop(clip: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        rng = random.Random(int(generator.integers(2**63)))  # quicker for single numbers than the generator
        start = rng.randint(offset[clip], offset[clip + 1] - WINDOW_FRAMES)
        return to_masked_image(log_mel[start : start + WINDOW_FRAMES], rng)[..., None], labels[clip]

    return iter(
        grain.MapDataset.range(len(labels))
        .seed(0)
        .shuffle()
        .repeat()
        .random_map(crop)
        .batch(BATCH_WINDOWS)
        .to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
    )
