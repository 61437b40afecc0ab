"""A plain PyTorch tagger with the ingredients of the competition's winners: the peer of the recipe ``best``.

    python benchmarks/peer_tagger.py STORE TRUTH [--cpu-minutes 15] [--seed 0] [--parts 4] [--json]

Four blocks of two 3x3 convolutions (32 to 256 channels, batch normalisation, average pooling), the mean plus the
maximum over the map; each window standardised by its own mean and deviation; pairs mixed in the power domain with OR-ed
labels; two masks each way; AdamW under one cycle; the curated clips alone, all of them; at test the geometric mean over
tiled windows. It reads the log-mels of a store once and holds them in memory as decibels.

The cycle follows the processor's clock, so that a run takes the minutes of all cores together that it was given,
however busy the machine is: those of training, the scoring of the test clips left out. TRUTH is a CSV file
(fname,labels) of the test clips, which are scored after each part of the minutes; only the last of these scores is that
of a finished cycle.
"""

import argparse
import contextlib
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from timing import circumstances
from torch import nn

with contextlib.suppress(ImportError):  # not every PyTorch comes with it
    import triton  # noqa: F401 - PyTorch's optimizers load it; after TensorFlow, that ends in a segmentation fault

from fat2019.audio.quantise import decibels
from fat2019.feed.tiles import tiled_starts
from fat2019.scoring.evaluation import lwlrap_on_test
from fat2019.scoring.pooling import pool_windows
from fat2019.store.reader import FeatureStore

_BATCH = 32
_CHANNELS = (32, 64, 128, 256)
_HIGHEST_RATE = 2e-3
_WARM_UP = 0.2  # of the cycle
_WEIGHT_DECAY = 1e-2
_MIXED = 0.6  # share of the windows that get a partner
_MASKS, _WIDEST_FRAMES, _WIDEST_BANDS = 2, 16, 12


class Peer(nn.Module):
    """Log-mels ``(batch, 1, frames, mels)``, standardised, to logits ``(batch, classes)``."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, channels in zip((1, *_CHANNELS), _CHANNELS, strict=False):
            for inputs in (before, channels):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            layers.append(nn.AvgPool2d(2))
        self._blocks = nn.Sequential(*layers[:-1])  # nothing is halved after the last block
        self._scores = nn.Linear(_CHANNELS[-1], classes)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        features = self._blocks(windows)  # (batch, channels, frames, mels)
        return self._scores(features.mean((2, 3)) + features.amax((2, 3)))


class Clips:
    """Some clips' log-mels in decibels, in one piece of memory, with their labels."""

    def __init__(self, store: FeatureStore, split: str) -> None:
        self.index = np.flatnonzero(store.clips["split"].to_numpy() == split)
        flat = store.read_log_mels(self.index)
        self.offset = flat.frame_offset
        pieces = [
            decibels(flat.log_mel[first:last], range_)
            for first, last, range_ in zip(self.offset, self.offset[1:], flat.decibel_range, strict=False)
        ]
        self.log_mel = torch.from_numpy(np.concatenate(pieces))  # (total frames, mels)
        self.labels = torch.from_numpy(store.labels[self.index].astype(np.float32))  # (clips, classes)
        self._frames = store.config.window_frames

    def windows(self, first_rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """``(windows, 1, frames, mels)`` from their first rows."""
        rows = torch.from_numpy(first_rows[:, None] + np.arange(self._frames))
        return self.log_mel[rows][:, None]

    def random_rows(self, clips: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.int64]:
        """First rows of a random window of each of the clips."""
        choices = self.offset[clips + 1] - self.offset[clips] - self._frames + 1
        return self.offset[clips] + (random.random(len(clips)) * choices).astype(np.int64)

    def tiles(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """First rows of windows that cover every clip, and the clip of each."""
        starts = [
            first + tiled_starts(int(last - first), self._frames, self._frames)
            for first, last in zip(self.offset, self.offset[1:], strict=False)
        ]
        return np.concatenate(starts), np.repeat(np.arange(len(starts)), [len(some) for some in starts])


def main() -> None:
    arguments = _parse()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(arguments.seed)
    store = FeatureStore.open(arguments.store)
    curve = trained(store, arguments.truth, arguments.cpu_minutes, arguments.seed, arguments.parts)
    if arguments.json:
        given = {"cpu_minutes": arguments.cpu_minutes, "seed": arguments.seed}
        print(json.dumps(circumstances() | given | {"curve": curve}))
        return
    print("| minutes | CPU minutes | windows | LWLRAP test |\n|--:|--:|--:|--:|")
    for row in curve:
        print(f"| {row['minutes']:.2f} | {row['cpu_minutes']:.2f} | {row['windows']:,} | {row['test']:.4f} |")


def trained(store: FeatureStore, truth: Path, cpu_minutes: float, seed: int, parts: int) -> list[dict[str, Any]]:
    """Train for the given minutes of the cores; a row after each part of them."""
    random = np.random.default_rng(seed)
    curated, test = Clips(store, "curated"), Clips(store, "test")
    network = Peer(len(store.vocabulary)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), _HIGHEST_RATE, weight_decay=_WEIGHT_DECAY)
    loss_of = nn.BCEWithLogitsLoss()
    elapsed, cpu, windows, curve = 0.0, 0.0, 0, []
    order = np.zeros(0, np.int64)
    while len(curve) < parts:
        began, cpu_began = time.perf_counter(), time.process_time()
        if len(order) < _BATCH:
            order = np.concatenate([order, random.permutation(len(curated.index))])
        clips, order = order[:_BATCH], order[_BATCH:]
        for group in optimizer.param_groups:
            group["lr"] = _HIGHEST_RATE * one_cycle(cpu / (60 * cpu_minutes))
        images, labels = augmented(curated.windows(curated.random_rows(clips, random)), curated.labels[clips], random)
        optimizer.zero_grad()
        loss_of(network(images.contiguous(memory_format=torch.channels_last)), labels).backward()
        optimizer.step()
        windows += len(clips)
        elapsed += time.perf_counter() - began
        cpu += time.process_time() - cpu_began
        if cpu >= 60 * cpu_minutes * (len(curve) + 1) / parts:
            score = lwlrap_on_test(store, store.clips["fname"].to_numpy()[test.index], scores(network, test), truth)
            curve.append({"minutes": elapsed / 60, "cpu_minutes": cpu / 60, "windows": windows, "test": score})
            print(f"{cpu / 60:.2f} CPU min, {windows:,} windows: test {score:.4f}", file=sys.stderr, flush=True)
    return curve


def one_cycle(done: float) -> float:
    """The learning rate as a share of the highest: up along a cosine, then down along one."""
    if done < _WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / _WARM_UP)) / 2
    return (1 + math.cos(math.pi * min(1.0, (done - _WARM_UP) / (1 - _WARM_UP)))) / 2


def augmented(
    windows: torch.Tensor, labels: torch.Tensor, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add a partner's power to some, standardise, mask."""
    partner = torch.from_numpy(random.permutation(len(windows)))
    mixed = torch.from_numpy(random.random(len(windows)) < _MIXED)
    to_log = math.log(10) / 10
    both = torch.logaddexp(windows * to_log, windows[partner] * to_log) / to_log  # decibels of the sum of the powers
    windows = torch.where(mixed[:, None, None, None], both, windows)
    labels = torch.where(mixed[:, None], torch.maximum(labels, labels[partner]), labels)
    windows = standardised(windows)
    for window in windows[:, 0]:
        for _ in range(_MASKS):
            for size, widest, of in ((window.shape[0], _WIDEST_FRAMES, 0), (window.shape[1], _WIDEST_BANDS, 1)):
                width = int(random.integers(widest + 1))
                window.narrow(of, int(random.integers(size - width + 1)), width).zero_()
    return windows, labels


def standardised(windows: torch.Tensor) -> torch.Tensor:
    """Each window less its mean, over its deviation."""
    mean, deviation = windows.mean((1, 2, 3), keepdim=True), windows.std((1, 2, 3), keepdim=True)
    return (windows - mean) / (deviation + 1e-5)


@torch.no_grad()
def scores(network: Peer, clips: Clips) -> npt.NDArray[np.float64]:
    """The geometric mean of each clip's tiled windows, ``(clips, classes)``."""
    network.eval()
    rows, clip = clips.tiles()
    of_windows = [
        torch.sigmoid(network(standardised(clips.windows(some)).contiguous(memory_format=torch.channels_last)))
        for some in np.array_split(rows, math.ceil(len(rows) / 128))
    ]
    network.train()
    return pool_windows(torch.cat(of_windows).numpy(), clip, len(clips.index), "geometric")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--cpu-minutes", type=float, default=15.0, help="of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", type=int, default=4, help="test scores are given after each part of the minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
