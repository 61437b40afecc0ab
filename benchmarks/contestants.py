"""The rows of the table: the limits, the feed in its variants, and the rivals.

Each function runs in a process of its own, and imports there what it needs and nothing that others need.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from stores import RepeatedStore
from timing import BATCH_WINDOWS, Contestant, Draw, in_graph, in_python

from fat2019.config.features import FeatureConfig
from fat2019.store.reader import FeatureStore, FlatLogMels

_MIXUP = 0.4


def limits_and_ours(features: Path) -> list[Contestant]:
    """What no feed can be expected to beat by much, the yardstick first; then the feed, with less and more to do."""
    from fat2019.augmentations.mixup import MixUp
    from fat2019.augmentations.spec_augment import SpecAugment
    from fat2019.config.feed import FeedConfig
    from fat2019.feed.training import TrainingFeed

    masked = SpecAugment()  # two masks of either kind
    warped = SpecAugment(time_warp_frames=SpecAugment.published("LD").time_warp_frames)
    store = RepeatedStore(FeatureStore.open(features))
    window_bytes = store.config.window_frames * store.config.mel_bands
    variants = {
        "ours": FeedConfig(augmentations=(masked,), reader="memory"),
        "ours + MixUp": FeedConfig(augmentations=(masked, MixUp(_MIXUP)), reader="memory"),
        "ours + time warp": FeedConfig(augmentations=(warped,), reader="memory"),
        "ours + MixUp + time warp": FeedConfig(augmentations=(warped, MixUp(_MIXUP)), reader="memory"),
        "ours without augmentation": FeedConfig(reader="memory"),
        "ours streamed from TFRecord": FeedConfig(augmentations=(masked,), reader="stream"),
    }
    feeds = {name: TrainingFeed(store, store.training, config) for name, config in variants.items()}  # type: ignore[arg-type]
    return [
        Contestant("NumPy: one gather of the same windows", gather(store.log_mels)),
        Contestant("memory copy of as many bytes as the uint8 windows have", _copy(store.log_mels, window_bytes)),
        Contestant("memory copy of as many bytes as the float32 images have", _copy(store.log_mels, 4 * window_bytes)),
        *(Contestant(name, in_graph(feed.dataset())) for name, feed in feeds.items()),
        Contestant("ours by plain Python iteration", in_python(feeds["ours"].dataset())),
    ]


def report_pipeline(features: Path, folder: Path) -> list[Contestant]:
    from rivals import from_wav

    return [
        Contestant(
            "report's pipeline: WAV, tf.signal, clip by clip",
            in_graph(from_wav.report_pipeline(*_waves(features, folder))),
        )
    ]


def tensorflow_io(features: Path, folder: Path) -> list[Contestant]:
    from rivals import from_wav

    return [
        Contestant(
            "tensorflow-io: WAV, tfio.audio, clip by clip", in_graph(from_wav.tensorflow_io(*_waves(features, folder)))
        )
    ]


def tf_data_cache(features: Path) -> list[Contestant]:
    from rivals import cached

    store = RepeatedStore(FeatureStore.open(features))
    shards = [file.path for file in store.log_mel_files() if file.first_clip in store.training]
    dataset = cached.tf_data_cache(shards, len(store.training), store.labels.shape[1])
    return [Contestant("tf.data cache of log-mels, crop by clip", in_graph(dataset))]


def data_loader(features: Path) -> list[Contestant]:
    from rivals import pytorch

    arrays = _arrays(features)
    return [
        Contestant(
            f"PyTorch DataLoader over log-mels, {workers} workers", in_python(pytorch.data_loader(*arrays, workers))
        )
        for workers in (0, 2)
    ]


def grain_dataset(features: Path) -> list[Contestant]:
    from rivals import by_grain

    return [Contestant("grain over log-mels", in_python(by_grain.grain_dataset(*_arrays(features))))]


def lhotse_cuts(features: Path) -> list[Contestant]:
    from rivals import by_lhotse

    return [Contestant("lhotse's precomputed features", in_python(by_lhotse.lhotse_cuts(*_arrays(features))))]


def gather(log_mels: FlatLogMels) -> Draw:
    """NumPy's plain gather of windows chosen beforehand as the feed chooses them, epoch after epoch."""
    config = FeatureConfig()
    starts = _epoch_of(_loudest_starts(log_mels, config))

    def draw(batches: int) -> int:
        return sum(
            len(log_mels.log_mel[next(starts)[:, None] + np.arange(config.window_frames)]) for _ in range(batches)
        )

    return draw


def _copy(log_mels: FlatLogMels, window_bytes: int) -> Draw:
    """Copies of consecutive stretches of the array to one place."""
    source = log_mels.log_mel.reshape(-1)
    batch_bytes = BATCH_WINDOWS * window_bytes
    target = np.empty(batch_bytes, np.uint8)
    places = _epoch_of(np.arange(0, len(source) - batch_bytes, batch_bytes), 1)

    def draw(batches: int) -> int:
        for _ in range(batches):
            np.copyto(target, source[(first := int(next(places)[0])) : first + batch_bytes])
        return batches * BATCH_WINDOWS

    return draw


def _epoch_of(values: npt.NDArray[np.int64], batch: int = BATCH_WINDOWS) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of the values, in the order given, again and again; what is left over at the end is left out."""
    while True:
        yield from (values[first : first + batch] for first in range(0, len(values) - batch + 1, batch))


def _loudest_starts(log_mels: FlatLogMels, config: FeatureConfig) -> npt.NDArray[np.int64]:
    """For each clip, in random order, the max-energy window of three random ones: its first row of the array."""
    rng = np.random.default_rng(0)
    clip = rng.permutation(len(log_mels.frame_offset) - 1)
    windows = np.diff(log_mels.frame_offset)[clip] - config.window_frames + 1
    starts = (rng.random((len(clip), 3)) * windows[:, None]).astype(np.int64)  # (clips, 3)
    before = log_mels.energy_offset[clip][:, None] + starts
    loudest = np.argmax(log_mels.energy[before + config.window_hops] - log_mels.energy[before], axis=1)
    return log_mels.frame_offset[clip] + starts[np.arange(len(clip)), loudest]


def _arrays(features: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Log-mels, where each clip's begin, and labels of the repeated training clips."""
    store = RepeatedStore(FeatureStore.open(features))
    return (store.log_mels.log_mel, store.log_mels.frame_offset, store.labels[store.training].astype(np.float32))


def _waves(features: Path, folder: Path) -> tuple[list[Path], npt.NDArray[np.float32]]:
    """The desilenced training clips, each once, as 16 kHz WAV files, and their labels."""
    store = FeatureStore.open(features)
    folder.mkdir()
    clips = np.flatnonzero(store.clips["split"].to_numpy() != "test")
    names = store.clips["fname"].to_numpy()[clips]
    for name in names:
        soundfile.write(folder / name, store.audio(name), store.config.sample_rate_hz, subtype="PCM_16")
    return [folder / name for name in names], store.labels[clips].astype(np.float32)
