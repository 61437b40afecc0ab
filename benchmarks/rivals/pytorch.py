"""PyTorch's ``DataLoader`` over log-mels in memory."""

import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from rivals import BATCH_WINDOWS, WINDOW_FRAMES
from rivals.in_numpy import to_masked_image


def data_loader(
    log_mel: npt.NDArray[np.uint8], frame_offset: npt.NDArray[np.int64], labels: npt.NDArray[np.float32], workers: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The way of argus-freesound, of the data set's best public solutions: ``FreesoundDataset``, ``RandomCrop``, masks.

    The loader is set up as there and as PyTorch's page on ``torch.utils.data`` advises: tensors in shared memory, which
    workers do not copy, and workers that outlive the epoch. Left out is what costs that code time and is not asked of
    the others: its copy of the whole clip before the crop, its resizing, and its two further channels.

    Args:
        log_mel: ``(frames of all clips, mels)``.
        frame_offset: ``(clips + 1,)``.
        labels: ``(clips, classes)``.
        workers: processes; 0 is none.
    """
    torch.set_num_threads(1)  # as in the workers: the tensors are small, and threads only wait for each other
    loader = DataLoader(
        LogMels(torch.from_numpy(log_mel), frame_offset.tolist(), torch.from_numpy(labels)),
        BATCH_WINDOWS,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )  # TensorFlow's threads would not survive a fork
    while True:
        yield from loader


class LogMels(Dataset):
    """One random crop of each clip."""

    def __init__(self, log_mel: torch.Tensor, frame_offset: list[int], labels: torch.Tensor) -> None:
        self._log_mel, self._frame_offset, self._labels = log_mel, frame_offset, labels
        self._rng = random.Random()

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, clip: int) -> tuple[torch.Tensor, torch.Tensor]:
        first, end = self._frame_offset[clip : clip + 2]
        start = self._rng.randint(first, end - WINDOW_FRAMES)
        image = to_masked_image(self._log_mel[start : start + WINDOW_FRAMES].numpy(), self._rng)
        return torch.from_numpy(image)[None], self._labels[clip]  # (1, frames, mels)
