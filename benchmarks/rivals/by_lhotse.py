"""lhotse's precomputed features."""

import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from lhotse import CutSet, Features, MonoCut
from lhotse.dataset import SimpleCutSampler, SpecAugment
from lhotse.dataset.collation import collate_features
from lhotse.features.io import MemoryRawWriter
from torch.utils.data import DataLoader, Dataset

from rivals import BATCH_WINDOWS, MASKS, WIDEST_BANDS, WIDEST_FRAMES, WINDOW_FRAMES

_RATE_HZ = 16_000
_FRAME_S = 512 / _RATE_HZ


def lhotse_cuts(
    log_mel: npt.NDArray[np.uint8], frame_offset: npt.NDArray[np.int64], labels: npt.NDArray[np.float32]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """lhotse's way, by its pages "PyTorch Datasets" and "Cuts": cuts of stored features, truncated at random.

    The data set makes whole batches, the sampler chooses them, and masks are lhotse's own, on the batch. Features
    lie in memory, uncompressed, which is faster than its files.

    Args:
        log_mel: ``(frames of all clips, mels)``.
        frame_offset: ``(clips + 1,)``.
        labels: ``(clips, classes)``.
    """
    warnings.filterwarnings("ignore", module="lhotse")
    torch.set_num_threads(1)  # the tensors are small, and threads only wait for each other
    cuts = CutSet.from_cuts(
        [_cut(str(clip), log_mel[frame_offset[clip] : frame_offset[clip + 1]]) for clip in range(len(labels))]
    )
    sampler = SimpleCutSampler(cuts, max_cuts=BATCH_WINDOWS, shuffle=True, drop_last=True)
    loader = DataLoader(Crops(torch.from_numpy(labels)), sampler=sampler, batch_size=None)
    epoch = 0
    while True:
        sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


class Crops(Dataset):
    """A batch of random crops for a set of cuts."""

    def __init__(self, labels: torch.Tensor) -> None:
        self._labels = labels
        self._masks = SpecAugment(
            time_warp_factor=None,
            num_feature_masks=MASKS,
            features_mask_size=WIDEST_BANDS,
            num_frame_masks=MASKS,
            frames_mask_size=WIDEST_FRAMES,
            max_frames_mask_fraction=1.0,
            p=1.0,
        )

    def __getitem__(self, cuts: CutSet) -> tuple[torch.Tensor, torch.Tensor]:
        crops = cuts.truncate(max_duration=WINDOW_FRAMES * _FRAME_S, offset_type="random", preserve_id=True)
        features, _ = collate_features(crops)  # (batch, frames, mels)
        low = features.amin(dim=(1, 2), keepdim=True)
        high = features.amax(dim=(1, 2), keepdim=True)
        images = self._masks((features - low) / (high - low) * 255)
        return images[:, None], self._labels[[int(cut.id) for cut in cuts]]


def _cut(name: str, log_mel: npt.NDArray[np.uint8]) -> MonoCut:
    seconds = len(log_mel) * _FRAME_S
    features = Features(
        type="fbank",
        num_frames=len(log_mel),
        num_features=log_mel.shape[1],
        frame_shift=_FRAME_S,
        sampling_rate=_RATE_HZ,
        start=0.0,
        duration=seconds,
        storage_type=MemoryRawWriter.name,
        storage_path="",
        storage_key=MemoryRawWriter().write(name, log_mel.astype(np.float32)),
        recording_id=name,
        channels=0,
    )
    return MonoCut(id=name, start=0.0, duration=seconds, channel=0, features=features)
