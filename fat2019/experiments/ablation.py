"""Configurations to be set beside one another: the ablation of the recipe ``best``, and its cost curve."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fat2019.config.model import ModelConfig
from fat2019.config.overrides import changed, scaled_epochs
from fat2019.config.recipes import BEST, RECIPES
from fat2019.config.training import BOTH, TrainConfig
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore


@dataclasses.dataclass(frozen=True)
class Trial:
    """One row of a table, or one point of a curve."""

    row: str
    config: TrainConfig
    curve: str = ""  # the network whose cost this is a point of

    @property
    def folder(self) -> str:
        """Its name on disk."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.row).strip("-").lower()


# What the recipe would be without each of its pieces, and with pieces that it does without.
PIECES: dict[str, Mapping[str, Any]] = {
    "with noisy clips, half as often": {"splits": BOTH, "noisy_weight": 0.5},
    "with as many noisy clips as there are": {"splits": BOTH},
    "without mixed sounds": {"mix_share": 0.0},
    "with mixed sounds, overlaid only": {"mix_in_turn": 0.0},
    "with mixed sounds up to 10 dB apart": {"mix_level_db": 10.0},
    "without frequency shift and stretch": {"shift_bands": 0, "stretch_bands": 0.0},
    "with frequency shift only": {"stretch_bands": 0.0},
    "without standardised windows": {"standardise": False},
    "with a frequency map": {"frequency_map": True},
    "with max pooling over time": {"pooling": "mean+max"},
    "with attention over time": {"pooling": "attention"},
    "with SpecAugment": {"spec_augment": True},
    "with MixUp": {"mixup_alpha": 0.2},
    "with SpecAugment and MixUp": {"spec_augment": True, "mixup_alpha": 0.2},
    "with bootstrapped labels": {"bootstrap": 0.3},
    "with smoothed labels": {"label_smoothing": 0.1},
    "with focal loss": {"focal_gamma": 2.0},
    "with LSEP": {"loss": "lsep"},
    "with the max-energy window of three": {"candidates": 3},
}
# In place of the recipe's only stage: shares of its epochs.
STAGES: dict[str, tuple[tuple[float, Mapping[str, Any]], ...]] = {
    "with label cleaning by a first stage": ((0.4, {}), (0.6, {"splits": BOTH, "judge_noisy": True})),
    "with noisy clips first": ((0.6, {"splits": BOTH}), (0.4, {"learning_rate": 1e-3})),
}
FROM_SCRATCH = "table-7.1-model-1"  # of the report's final models, the one that it trains without other data


def ablation(store: FeatureStore, scale: float = 1.0) -> list[Trial]:
    """The recipe, each piece left out or added, and the report's network from scratch.

    Where noisy clips make an epoch longer, there are fewer of them: the windows that are seen stay as many.
    """
    best = scaled_epochs(BEST, scale)
    trials = [Trial(row, changed(best, options)) for row, options in {"best": {}, **PIECES}.items()]
    trials += [Trial(row, _staged(best, *stages)) for row, stages in STAGES.items()]
    trials = [dataclasses.replace(trial, config=_with_as_many_windows(trial.config, store)) for trial in trials]
    scratch = changed(RECIPES[FROM_SCRATCH].config, {"weights": "none"})
    return [*trials, Trial("report's MobileNetV2 from scratch", scaled_epochs(scratch, scale))]


def _with_as_many_windows(config: TrainConfig, store: FeatureStore) -> TrainConfig:
    """The configuration with fewer epochs of the stages that have noisy clips, for epochs of curated clips alone."""
    clips = store.clips["split"].value_counts()
    noisy_share = clips.get("noisy", 0) / max(1, (1 - config.validation_share) * clips.get("curated", 0))
    stages = tuple(
        dataclasses.replace(stage, epochs=max(1, round(stage.epochs / (1 + stage.feed.noisy_weight * noisy_share))))
        if "noisy" in stage.splits
        else stage
        for stage in config.stages
    )
    return dataclasses.replace(config, stages=stages)


def _staged(config: TrainConfig, *stages: tuple[float, Mapping[str, Any]]) -> TrainConfig:
    """Stages like the only one of the configuration, each with a share of its epochs, and fields of its own."""
    (stage,) = config.stages
    return dataclasses.replace(
        config,
        stages=tuple(
            dataclasses.replace(stage, epochs=max(1, round(share * stage.epochs)), **fields) for share, fields in stages
        ),
    )


def cost(store: FeatureStore, scale: float = 1.0) -> list[Trial]:
    """Three networks from scratch in the same recipe, each trained for four numbers of epochs."""
    networks = {
        "simple": changed(BEST, {"name": "simple", "dropout": 0.5}),
        "best": BEST,
        "mobilenetv2": TrainConfig(
            ModelConfig("mobilenetv2", "conv", weights="none"),
            tuple(dataclasses.replace(stage, trainable="all", learning_rate=1e-3) for stage in BEST.stages),
            BEST.validation_share,
        ),
    }
    shares = {"simple": (0.1, 0.25, 0.5, 1), "best": (0.1, 0.25, 0.5, 1), "mobilenetv2": (0.05, 0.1, 0.2, 0.4)}
    trials = [
        Trial(f"{name}, {config.stages[0].epochs} epochs", config, name)
        for name, whole in networks.items()
        for config in (scaled_epochs(whole, scale * share) for share in shares[name])
    ]
    return list({trial.row: trial for trial in trials}.values())  # at a small scale two shares are one epoch


TABLES = {"ablation": ablation, "cost": cost}


def trials_of(name: str, store: FeatureStore, scale: float = 1.0, only: Sequence[str] = ()) -> list[Trial]:
    """Trials of a table, or some of them.

    Args:
        name: one of ``TABLES``.
        store: the features, whose numbers of clips count.
        scale: of each stage's epochs.
        only: rows; all by default.

    Raises:
        DataError: there is no such table or row, or the scale is no number above 0.
    """
    if name not in TABLES:
        raise DataError(f"table: expected one of {', '.join(TABLES)}, received {name!r}")
    if not 0 < scale < math.inf:
        raise DataError(f"scale: expected a number above 0, received {scale}")
    trials = TABLES[name](store, scale)
    unknown = set(only) - {trial.row for trial in trials}
    if unknown:
        raise DataError(f"rows: there is no {sorted(unknown)[0]!r} in {name}: {', '.join(t.row for t in trials)}")
    return [trial for trial in trials if not only or trial.row in only]
