"""What is trained where nothing is said: the recipe that serves best here, fitted to the clips that there are."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fat2019.config.overrides import without_noisy_clips
from fat2019.config.recipes import RECIPES
from fat2019.config.training import TrainConfig

if TYPE_CHECKING:
    from fat2019.store.reader import FeatureStore

log = logging.getLogger(__name__)

# The best first; the last one needs nothing but sounds.
_CANDIDATES = ("transfer", "best")
_MOST_HELD_OUT = 0.25


@dataclasses.dataclass(frozen=True)
class Choice:
    """A recipe, and why it was chosen."""

    recipe: str
    reason: str


def choose_recipe() -> Choice:
    """The first recipe for which everything is there."""
    reasons: list[str] = []
    for name in [name for name in _CANDIDATES if name in RECIPES]:
        recipe = RECIPES[name]
        if not (missing := recipe.missing()):
            return Choice(name, "; ".join([*reasons, recipe.row]))
        reasons.append(f"not {name}, since {missing}")
    raise AssertionError(f"the recipe {_CANDIDATES[-1]} needs nothing")


def fitted(config: TrainConfig, store: "FeatureStore", options: Mapping[str, Any]) -> TrainConfig:
    """A recipe that was not asked for by name, fitted to the clips of a store; what is changed is logged.

    Stages on noisy clips that a store does not have are trained on curated ones. Of few clips a larger share is held
    out, so that about one clip a class can be scored.

    Args:
        config: the recipe with the options in it.
        store: the features.
        options: those that were given, which stay as they are.
    """
    splits = store.clips["split"].to_numpy()
    needs_noisy = any("noisy" in (*stage.splits, stage.validate_on) for stage in config.stages)
    if needs_noisy and options.get("splits") is None and not (splits == "noisy").any():
        log.info("%s has no noisy clips: every stage is trained on curated ones", store.path)
        config = without_noisy_clips(config)
    given = options.get("validation_share") or options.get("validate_on_fold")
    curated, classes = int((splits == "curated").sum()), len(store.vocabulary)
    if not given and not config.folds and config.validation_share * curated < classes:
        share = round(min(_MOST_HELD_OUT, classes / max(1, curated)), 2)
        if share > config.validation_share:
            log.info(
                "few clips per class: a share of %g is held out instead of %g",
                share,
                config.validation_share,
            )
            config = dataclasses.replace(config, validation_share=share)
    return config
