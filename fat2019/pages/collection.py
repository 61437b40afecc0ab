"""What there is to see and hear of a data set or a store, alike for both.

Of a store, all comes from its manifest, and audio is opened when a clip is played. Of a data set without one,
lengths come from the files' headers, and silence is measured on a sample of its clips.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fat2019.audio.clip import load_clip
from fat2019.audio.decode import seconds_of
from fat2019.config.features import SPLITS, FeatureConfig
from fat2019.data.data_set import DataSet, find_data_set
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError, UnreadableAudio
from fat2019.store.building.journal import JOURNAL_NAME
from fat2019.store.copies import copy_of, describe_copies
from fat2019.store.manifest import MANIFEST_NAME
from fat2019.store.reader import FeatureStore
from fat2019.utils.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE_CLIPS = 60  # of each split, for silence, where there is no store


@dataclasses.dataclass(frozen=True)
class Sound:
    """An example clip."""

    recorded: npt.NDArray[np.int16] | None  # at the features' rate; none if there is only the store
    kept: npt.NDArray[np.int64] | None  # ranges of it that are no silence
    audio: npt.NDArray[np.int16]  # without silence


@dataclasses.dataclass(frozen=True)
class Collection:
    """The clips of a data set or store, and how to hear one."""

    kind: str
    vocabulary: Vocabulary
    config: FeatureConfig
    clips: "pd.DataFrame"  # fname, split, seconds, seconds_without_silence (NaN where that was not measured)
    labels: npt.NDArray[np.uint8]  # (clips, classes)
    unreadable: list[dict[str, str]]  # fname, split, reason
    hear: Callable[[int], Sound]
    copies: str | None = None  # a line on clips of a store that hold the same samples, if there are any

    def of(self, split: str) -> npt.NDArray[np.int64]:
        """The rows of a split's clips."""
        return np.flatnonzero((self.clips["split"] == split).to_numpy())

    def labelled(self) -> dict[str, npt.NDArray[np.int64]]:
        """The rows of the clips of each split that has labels."""
        parts = {split: self.of(split) for split in SPLITS}
        return {split: clips for split, clips in parts.items() if self.labels[clips].any()}


def collection_of(
    source: Path, data: Path | None, layout: str | None, seed: int, progress: Progress | None
) -> Collection:
    if (source / MANIFEST_NAME).exists() or (source / JOURNAL_NAME).exists():
        if layout is not None and data is None:
            raise DataError(f"layout: {source} is a feature store; --layout is for a data set, such as that of --data")
        recorded = None if data is None else find_data_set(data, layout=layout, keep_known_bad=True)
        return _of_store(FeatureStore.open(source), recorded)
    if data is not None:
        raise DataError(f"{source}: no feature store; a data set is explored without another (--data)")
    return _of_data_set(find_data_set(source, layout=layout), seed, progress)


def _of_store(store: FeatureStore, data_set: DataSet | None) -> Collection:
    rows, rate_hz = store.clips, store.config.sample_rate_hz
    clips = rows[["fname", "split"]].assign(
        seconds=rows["source_samples"] / rows["source_rate_hz"], seconds_without_silence=rows["samples"] / rate_hz
    )
    paths = {(clip.split, clip.fname): clip.path for clip in data_set.clips} if data_set else {}

    def hear(index: int) -> Sound:
        fname, split = clips["fname"][index], clips["split"][index]
        audio = store.audio(fname)
        if not data_set:
            return Sound(None, None, audio)
        if (split, fname) not in paths:
            raise DataError(
                f"{data_set.root}: it has no {split} clip {fname}: {store.path} was built from another data set"
            )
        return _heard(paths[split, fname], split, store.config)

    unreadable: list[dict[str, str]] = store.quarantine.to_dict("records")  # type: ignore[assignment]
    copies = describe_copies(store, copy_of(store))
    return Collection("feature store", store.vocabulary, store.config, clips, store.labels, unreadable, hear, copies)


def _of_data_set(data_set: DataSet, seed: int, progress: Progress | None) -> Collection:
    import pandas as pd

    config, rows, readable, unreadable = FeatureConfig(), [], [], []
    for done, clip in enumerate(data_set.clips):
        try:
            rows.append((clip.fname, clip.split, seconds_of(clip.path)))
            readable.append(clip)
        except UnreadableAudio as error:
            unreadable.append({"fname": clip.fname, "split": clip.split, "reason": str(error)})
        if progress:
            progress(done + 1, len(data_set.clips))
    if not readable:
        raise DataError(f"{data_set.root}: none of its {len(data_set.clips)} clips is audio that can be decoded")
    clips = pd.DataFrame(rows, columns=["fname", "split", "seconds"]).assign(seconds_without_silence=np.nan)
    random = np.random.default_rng(seed)
    for split in SPLITS:
        of_split = np.flatnonzero(clips["split"] == split)
        for index in np.sort(random.permutation(of_split)[:_SAMPLE_CLIPS]).tolist():
            try:
                sound = _heard(readable[index].path, split, config)
            except UnreadableAudio as error:  # its head says nothing of silence, or of a body cut short
                unreadable.append({"fname": readable[index].fname, "split": split, "reason": str(error)})
                continue
            clips.loc[index, "seconds_without_silence"] = len(sound.audio) / config.sample_rate_hz
    labels = np.stack([data_set.vocabulary.encode(clip.labels) for clip in readable])
    return Collection(
        "data set",
        data_set.vocabulary,
        config,
        clips,
        labels,
        unreadable,
        lambda index: _heard(readable[index].path, readable[index].split, config),
    )


def _heard(path: Path, split: str, config: FeatureConfig) -> Sound:
    clip = load_clip(path, split, config)
    return Sound(clip.recorded, clip.kept, clip.audio)
