"""The default recipe for a store, chosen by its features and clips."""

import dataclasses
import logging
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.config.overrides import without_noisy_clips
from fat2019.config.recipes import RECIPES
from fat2019.config.training import TrainConfig

if TYPE_CHECKING:
    from fat2019.store.reader import FeatureStore

log = logging.getLogger(__name__)

_MOST_HELD_OUT = 0.25
_TIMEOUT_S = 3


@dataclasses.dataclass(frozen=True)
class Choice:
    """A recipe, and why it was chosen."""

    recipe: str
    reason: str


def choose_recipe(features: FeatureConfig | None = None) -> Choice:
    """Transfer from a pretrained network where that is possible, else the best recipe from scratch.

    Args:
        features: of the store that there is; none where it is still to be built.
    """
    if features is not None and dataclasses.replace(features, dtype=NAMED["yamnet"].dtype) != NAMED["yamnet"]:
        lacks = "the store has other features than a pretrained network takes (`build-features --config yamnet`)"
    elif not has_yamnet_weights():
        lacks = "YAMNet's weights are not in the cache and cannot be downloaded"
    else:
        return Choice("transfer", RECIPES["transfer"].row)
    return Choice("best", f"{RECIPES['best'].row}; not transfer, since {lacks}")


def has_yamnet_weights() -> bool:
    """Whether the weights of YAMNet are in the cache, or can be downloaded when they are needed."""
    from fat2019.models.weights import YAMNET, cache

    if (cache() / YAMNET.rpartition("/")[2]).is_file():
        return True
    try:
        with urllib.request.urlopen(urllib.request.Request(YAMNET, method="HEAD"), timeout=_TIMEOUT_S):
            return True
    except OSError:
        return False


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
