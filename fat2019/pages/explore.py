"""A data set or a feature store -> a page to look at and listen to: section 3 of the report, for any clips."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fat2019.audio.clip import arrays_of
from fat2019.audio.quantise import dequantise
from fat2019.config.features import SPLITS, FeatureConfig
from fat2019.data.split import METHODS, balance, split_indices
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError, UnreadableAudio
from fat2019.pages import figures
from fat2019.pages.collection import Collection, Sound, collection_of
from fat2019.pages.page import Page
from fat2019.utils.files import write_whole
from fat2019.utils.progress import Progress
from fat2019.utils.tensorflow import load_tensorflow

if TYPE_CHECKING:
    import pandas as pd

_PAIRS = 20
_CANDIDATES = 3
_MIXUP_LAMBDA = 0.6  # of a clip in its MixUp picture, where both sounds are to be seen


def explore(
    source: Path,
    page: Path,
    *,
    data: Path | None = None,
    layout: str | None = None,
    figures_folder: Path | None = None,
    examples: int = 3,
    validation_share: float = 0.2,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the page.

    Args:
        source: a feature store, or the folder of a data set.
        page: the HTML file.
        data: the data set that a store was built from, for the example clips as they were recorded.
        layout: how the data set is arranged; by default the one that fits.
        figures_folder: folder for the figures as SVG and PNG files; none by default.
        examples: clips of each split to show.
        validation_share: of the curated clips, for the balance of the splits.
        seed: of the choice of examples, windows and augmentations.
        progress: called with the number of a data set's clips read so far.

    Returns:
        The numbers of the page.

    Raises:
        DataError: the source is neither, is damaged, or does not fit ``data``; or the share is out of range.
    """
    if not 0 < validation_share < 1:
        raise DataError(f"validation share: expected a number between 0 and 1, received {validation_share}")
    collection = collection_of(source, data, layout, seed, progress)
    drawn = Page(figures_folder)
    summary = _summary(collection, source)
    tables = _balance_tables(collection, validation_share, seed)
    together = _together(collection)
    pairs = _pairs(together, collection.vocabulary)
    html = drawn.render(
        "explore.html",
        title=f"{source.name}: what there is to hear",
        summary=summary,
        figures=_overview(drawn, collection, together),
        pairs=pairs,
        class_figures=_class_figures(drawn, collection, tables, validation_share),
        classes=_class_rows(collection, tables),
        validation_share=validation_share,
        examples=_examples(drawn, collection, examples, seed),
        unreadable=collection.unreadable[:50],
    )
    write_whole(page, html)
    spread = {
        method: [float(table["validation_share"].min()), float(table["validation_share"].max())]
        for method, table in tables.items()
    }
    return {
        "page": str(page),
        **summary,
        "copies": collection.copies,
        "validation_share_least_and_greatest": spread,
        "pairs": pairs,
    }


def _summary(collection: Collection, source: Path) -> dict[str, Any]:
    clips, splits = collection.clips, {}
    for split in SPLITS:
        rows = clips[clips["split"] == split]
        if not len(rows):
            continue
        measured = rows[rows["seconds_without_silence"].notna()]
        saved = float((measured["seconds"] - measured["seconds_without_silence"]).sum())
        of_clip = collection.labels[rows.index].sum(axis=1)
        splits[split] = {
            "clips": len(rows),
            "hours": float(rows["seconds"].sum()) / 3600,
            "shortest_s": float(rows["seconds"].min()),
            "median_s": float(rows["seconds"].median()),
            "longest_s": float(rows["seconds"].max()),
            "silence_measured_on": len(measured),
            "silence_s": saved,
            "silence_share": saved / float(measured["seconds"].sum()) if len(measured) else None,
            "labels_per_clip": float(of_clip.mean()) if of_clip.any() else None,
        }
    return {
        "source": str(source),
        "kind": collection.kind,
        "clips": len(clips),
        "classes": len(collection.vocabulary),
        "hours": float(clips["seconds"].sum()) / 3600,
        "unreadable": len(collection.unreadable),
        "splits": splits,
    }


def _balance_tables(collection: Collection, share: float, seed: int) -> dict[str, "pd.DataFrame"]:
    """By method, each curated class's clips in training and validation."""
    labels = collection.labels[collection.of("curated")]
    tables = {}
    for method in METHODS:
        try:
            train, validation = split_indices(labels, method=method, validation_share=share, seed=seed)  # type: ignore[arg-type]
        except DataError:  # so few clips cannot be parted: the page has no such table
            return {}
        tables[method] = balance(labels, train, validation, names=collection.vocabulary.names)
    return tables


def _together(collection: Collection) -> npt.NDArray[np.int64]:
    """Clips that two classes share, ``(classes, classes)``."""
    labels = collection.labels.astype(np.float64)  # BLAS has no product of integers
    return (labels.T @ labels).astype(np.int64)


def _pairs(together: npt.NDArray[np.int64], vocabulary: Vocabulary) -> list[tuple[str, str, int]]:
    pairs = [
        (vocabulary.names[a], vocabulary.names[b], int(together[a, b]))
        for a, b in itertools.combinations(range(len(vocabulary)), 2)
        if together[a, b]
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:_PAIRS]


def _overview(drawn: Page, collection: Collection, together: npt.NDArray[np.int64]) -> list[Any]:
    """The figures of durations and labels."""
    result = []
    for split in SPLITS:
        rows = collection.clips.loc[collection.of(split)]
        if not len(rows):
            continue
        after = rows["seconds_without_silence"].to_numpy()
        known = not np.isnan(after).any()
        result.append(
            drawn.figure(
                f"lengths-{split}",
                figures.durations(rows["seconds"].to_numpy(), after if known else None, split),
                f"Histogram of the lengths of the {len(rows)} {split} clips"
                + (", with and without silence" if known else ""),
            )
        )
    counts = {
        split: collection.labels[clips].sum(axis=1, dtype=np.int64) for split, clips in collection.labelled().items()
    }
    if counts:
        result.append(
            drawn.figure("labels-per-clip", figures.labels_per_clip(counts), "Share of clips by their number of labels")
        )
    if _pairs(together, collection.vocabulary):
        result.append(
            drawn.figure(
                "co-occurrence",
                figures.co_occurrence(collection.vocabulary.names, together),
                "How often two classes are labels of one clip",
            )
        )
    return result


def _class_figures(drawn: Page, collection: Collection, tables: dict[str, "pd.DataFrame"], share: float) -> list[Any]:
    counts = {
        split: collection.labels[clips].sum(axis=0, dtype=np.int64) for split, clips in collection.labelled().items()
    }
    result = (
        [
            drawn.figure(
                "labels", figures.label_histogram(collection.vocabulary.names, counts), "Clips of each class, by split"
            )
        ]
        if counts
        else []
    )
    widest = 1.05 * max([share, *(float(table["validation_share"].max()) for table in tables.values())])
    for method, table in tables.items():
        result.append(
            drawn.figure(
                f"split-{method}",
                figures.split_balance(table, share, widest, f"Validation, {method} split"),
                f"Share of each class's curated clips that the {method} split puts into validation",
            )
        )
    return result


def _class_rows(collection: Collection, tables: dict[str, "pd.DataFrame"]) -> list[dict[str, Any]]:
    labelled = collection.labelled()
    return [
        {
            "name": name,
            "clips": {split: int(collection.labels[clips, column].sum()) for split, clips in labelled.items()},
            "validation": {
                method: (int(table["validation"].iloc[column]), float(table["validation_share"].iloc[column]))
                for method, table in tables.items()
            },
        }
        for column, name in enumerate(collection.vocabulary.names)
    ]


def _heard_if_audible(collection: Collection, index: int) -> Sound | None:
    """A clip of a data set may turn out to be none when it is decoded; the page has a list of such ones."""
    try:
        return collection.hear(index)
    except UnreadableAudio as error:
        row = collection.clips.loc[index]
        entry = {"fname": str(row["fname"]), "split": str(row["split"]), "reason": str(error)}
        if entry not in collection.unreadable:
            collection.unreadable.append(entry)
        return None


def _examples(drawn: Page, collection: Collection, count: int, seed: int) -> list[dict[str, Any]]:
    """Some clips of each split with labels: how they look, what is cut from them, and what becomes of that."""
    random = np.random.default_rng(seed)
    audible = {
        int(index): sound
        for clips in collection.labelled().values()
        for index in np.sort(random.permutation(clips)[:count])
        if (sound := _heard_if_audible(collection, int(index))) is not None
    }
    if not audible:
        return []
    chosen, sounds = list(audible), list(audible.values())
    features = [arrays_of(sound.audio, collection.config) for sound in sounds]
    cut = _Cut.of(features, collection.config, random)
    result = []
    for place, (index, sound) in enumerate(zip(chosen, sounds, strict=True)):
        row = collection.clips.loc[index]
        stored, decibel_range, _ = features[place]
        recorded = sound.audio if sound.recorded is None else sound.recorded
        labels = collection.vocabulary.decode(collection.labels[index])
        is_repeated = len(sound.audio) < collection.config.window_samples
        window = "the clip, repeated to fill a window" if is_repeated else "max-energy window"
        partner = Path(collection.clips["fname"][chosen[place - 1]]).stem
        result.append(
            {
                "fname": row["fname"],
                "split": row["split"],
                "labels": labels,
                "seconds": float(collection.clips["seconds"].to_numpy()[index]),
                "seconds_without_silence": len(sound.audio) / collection.config.sample_rate_hz,
                "recorded": sound.recorded is not None,
                "clip": drawn.figure(
                    f"example-{place + 1}",
                    figures.clip(
                        recorded,
                        sound.kept,
                        dequantise(stored, decibel_range),
                        cut.starts[place],
                        collection.config,
                        f"{row['split']}: {row['fname']}",
                    ),
                    f"Waveform and log-mel of {row['fname']} with the windows that could be cut",
                ),
                "windows": drawn.figure(
                    f"example-{place + 1}-augmented",
                    figures.images(
                        {
                            window: cut.raw[place],
                            "SpecAugment": cut.augmented[place],
                            f"partner: {partner}": cut.raw[place - 1],
                            f"MixUp, {_MIXUP_LAMBDA:g} of it": cut.mixed[place],
                        },
                        collection.config,
                    ),
                    f"A window of {row['fname']} as cut, with SpecAugment, and mixed with {partner}",
                ),
                "sound": drawn.sound(recorded, collection.config.sample_rate_hz),
            }
        )
    return result


@dataclasses.dataclass(frozen=True)
class _Cut:
    """What training makes of some clips."""

    starts: list[list[int]]  # first frames of each clip's candidates, the max-energy one first
    raw: npt.NDArray[np.float32]  # (clips, frames, mels)
    augmented: npt.NDArray[np.float32]
    mixed: npt.NDArray[np.float32]  # each with the clip before it

    @classmethod
    def of(
        cls,
        features: Sequence[tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.int64]]],
        config: FeatureConfig,
        random: np.random.Generator,
    ) -> "_Cut":
        load_tensorflow()
        import tensorflow as tf

        from fat2019.augmentations.base import Batch
        from fat2019.augmentations.mixup import MixUp
        from fat2019.augmentations.random_numbers import RandomNumbers
        from fat2019.augmentations.spec_augment import SpecAugment
        from fat2019.feed.scale import scale_of
        from fat2019.feed.windows import candidate_starts

        frames = tf.constant([len(log_mel) for log_mel, _, _ in features], tf.int64)
        uniforms = tf.constant(random.random((len(features), _CANDIDATES)), tf.float32)
        candidates = candidate_starts(uniforms, frames, config.window_frames).numpy()  # (clips, candidates)
        starts = [
            _loudest_first(of_clip, energy, config.window_hops)
            for of_clip, (_, _, energy) in zip(candidates, features, strict=True)
        ]
        windows = np.stack(
            [
                log_mel[first : first + config.window_frames]
                for (log_mel, _, _), (first, *_) in zip(features, starts, strict=True)
            ]
        )
        scale, clips = scale_of(config), len(features)
        raw = scale.feed(windows, windows.min(axis=(1, 2)), windows.max(axis=(1, 2)))  # (clips, frames, mels)
        batch = Batch(raw, scale, tf.zeros(clips), labels=tf.zeros((clips, 1)))  # neither levels nor labels are shown
        numbers = RandomNumbers(tf.constant(random.integers(0, 2**31, 2)), clips)
        augmented = SpecAugment().apply(batch, SpecAugment().draw(numbers, tf.fill([clips], True))).images
        mixed = MixUp().apply(batch, tf.fill([clips], np.float32(_MIXUP_LAMBDA))).images
        return cls(starts, raw.numpy(), augmented.numpy(), mixed.numpy())


def _loudest_first(starts: npt.NDArray[np.int64], energy: npt.NDArray[np.int64], window_hops: int) -> list[int]:
    """First frames of windows, each once, by the windows' energy."""
    once = np.unique(starts)
    order = np.argsort(energy[once] - energy[once + window_hops], kind="stable")
    return once[order].tolist()
