"""The report's experiments as named values, and how single options change one.

A recipe holds a whole configuration, and beside it what the report says came of it. Where the report is silent about
something, the recipe's note says what was chosen: everywhere batches of 64 windows and, in heads that have it, a
dropout of 0.5.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.overrides import changed, require_effect
from fat2019.config.paper import paper_recipes
from fat2019.config.recipe import Recipe
from fat2019.config.training import BOTH, Stage, TrainConfig
from fat2019.errors import DataError

# Without a recipe. The report's constant 3e-4 is far from done after 30 epochs of few clips (CHANGELOG.md has the
# figures). What is augmented, and whether noisy clips are used, is left as the report has it.
DEFAULT = TrainConfig(stages=(Stage(learning_rate=2e-3, schedule="cosine"),))


# Beyond the report: what the competition's winners used, as far as it earned its place (benchmarks/README.md says what
# was tried). Its network keeps the last epoch, at which the schedule has come to rest, and few clips are held out. Most
# of its windows get a second sound: clips with several labels are where a tagger that ranks single sounds well fails.
# Spectra are moved, or a long training learns these instruments alone (`benchmarks/README.md`, other instruments).
# Noisy clips have shown no gain over more epochs of curated ones; `best-noisy` has them, in as much time.
_MOVED_AND_MIXED = FeedConfig(
    batch_windows=32,
    candidates=1,
    augmentations=(FrequencyShift(shift_bands=4, stretch_bands=0.1), MixSounds(mix_share=0.75, mix_in_turn=0.75)),
)
BEST = TrainConfig(
    ModelConfig("compact", weights="none", dropout=0.2),
    (
        Stage(
            epochs=200,
            learning_rate=3e-3,
            optimizer="adamw",
            weight_decay=0.01,
            schedule="cosine",
            keep="last",
            feed=_MOVED_AND_MIXED,
        ),
    ),
    validation_share=0.1,
)
# For whoever has few sounds and may use networks pretrained on others: YAMNet frozen, and a linear layer on the means of
# seven of its stages, trained on windows that are moved and mixed like those of `best`. Then the whole network, from
# that layer on and with small steps: a layer that begins at random would destroy what the network has learnt.
TRANSFER = TrainConfig(
    ModelConfig("yamnet", "stages", weights="audioset", dropout=0.3, freeze_statistics=True),
    (
        Stage(
            epochs=40,
            learning_rate=3e-3,
            optimizer="adamw",
            weight_decay=0.1,
            schedule="cosine",
            keep="last",
            feed=_MOVED_AND_MIXED,
        ),
        Stage(
            epochs=20,
            learning_rate=5e-5,
            optimizer="adamw",
            weight_decay=0.1,
            schedule="cosine",
            keep="last",
            trainable="all",
            feed=_MOVED_AND_MIXED,
        ),
    ),
    validation_share=0.1,
)
OURS = "best"  # the experiment of recipes that are not the report's
ENSEMBLE_FOLDS = 5


def configure(recipe: str | None, options: Mapping[str, Any]) -> TrainConfig:
    """A recipe, or the defaults, with the options that are not None in place of its fields.

    Options of a stage or of its feed hold for every stage, but ``epochs`` are those of the last stage, and earlier
    stages are scaled to match. The names are the fields' own, and those of the options of augmentations.

    Raises:
        DataError: there is no such recipe, a value is out of range, or an option would change nothing.
    """
    if recipe is not None and recipe not in RECIPES:
        raise DataError(f"recipe: there is no {recipe!r}; `recipes` lists them")
    config = changed(RECIPES[recipe].config if recipe else DEFAULT, options)
    require_effect(config, options)
    return config


def _recipes() -> Iterable[Recipe]:
    yield Recipe("best", OURS, "compact network, curated clips, sounds moved and mixed", BEST, {}, "not of the report")
    yield Recipe(
        "best-noisy",
        OURS,
        "the same with noisy clips, half as often as curated ones",
        changed(BEST, {"splits": BOTH, "noisy_weight": 0.5, "epochs": 100}),
        {},
        "not of the report",
    )
    yield Recipe(
        "best-ensemble",
        OURS,
        f"the same on {ENSEMBLE_FOLDS} folds",
        dataclasses.replace(BEST, folds=ENSEMBLE_FOLDS),
        {},
        "not of the report; one run a fold, of which `predict` takes the mean",
    )
    yield from paper_recipes()


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _recipes()}
