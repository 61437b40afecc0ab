"""Recipes: named configurations, our own and those of the report, and the choice among them."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.config.feed import FeedConfig
from fat2019.config.model import NETWORKS, ModelConfig
from fat2019.config.overrides import changed, require_effect
from fat2019.config.paper import paper_recipes, two_stages
from fat2019.config.recipe import Recipe
from fat2019.config.training import BOTH, Stage, TrainConfig
from fat2019.errors import DataError

OURS = "best"  # the experiment of recipes that are not the report's
ENSEMBLE_FOLDS = 5
HELD_OUT = 0.1  # of the clips, by every recipe of ours: with one seed they are the same clips, and runs can be compared

_MOVED = FrequencyShift(shift_bands=4, stretch_bands=0.1)
_MIXED = MixSounds(mix_share=0.75, mix_in_turn=0.75)

# Beyond the report: what the competition's winners used, as far as it earned its place (benchmarks/README.md says what
# was tried). Its network keeps the last epoch, at which the schedule has come to rest, and few clips are held out. Most
# of its windows get a second sound: clips with several labels are where a tagger that ranks single sounds well fails.
# Spectra are moved, or a long training learns these instruments alone (`benchmarks/README.md`, other instruments).
# Noisy clips have shown no gain over more epochs of curated ones; `best-noisy` has them, in as much time.
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
            feed=FeedConfig(batch_windows=32, candidates=1, augmentations=(_MOVED, _MIXED)),
        ),
    ),
    validation_share=HELD_OUT,
)
# For few sounds, where pretrained networks are allowed: YAMNet frozen, and a linear layer on the means of seven of its
# stages, trained on windows that are moved along the mel axis and as loud as one another. What AudioSet taught of
# classes of the same names is added, which gains most where clips are few and where new recordings are unlike those of
# the training. Mixed windows cost a frozen network more than they teach its head (`benchmarks/README.md`).
TRANSFER = TrainConfig(
    ModelConfig(
        "yamnet",
        "stages",
        weights="audioset",
        dropout=0.3,
        freeze_statistics=True,
        known_classes=0.5,
        level_windows=True,
    ),
    (
        Stage(
            epochs=40,
            learning_rate=3e-3,
            optimizer="adamw",
            weight_decay=1.0,
            schedule="cosine",
            keep="last",
            feed=FeedConfig(batch_windows=32, candidates=1, augmentations=(_MOVED,)),
        ),
    ),
    validation_share=HELD_OUT,
)
# The measure of every transfer: the same network, and one logistic regression per class on its mean embedding.
PROBE = TrainConfig(
    ModelConfig("yamnet", "linear", weights="audioset"),
    (Stage(epochs=1, optimizer="lbfgs", keep="last"),),
    validation_share=HELD_OUT,
)
DEFAULT = BEST  # of training without options

# The report's simple network. Its constant 3e-4 is far from done after 30 epochs of few clips (CHANGELOG.md has the
# figures). What is augmented, and whether noisy clips are used, is left as the report has it.
SIMPLE = TrainConfig(ModelConfig("simple"), (Stage(learning_rate=2e-3, schedule="cosine"),), validation_share=HELD_OUT)
# Networks on a backbone: the report's model 2, whose head is convolutional and whose first stage trains the top blocks.
TWO_STAGES = dataclasses.replace(two_stages("resnet50", "specaugment"), validation_share=HELD_OUT)
# The recipe of a network that is named alone; of one that is not here, the two stages.
_OF_NETWORKS = {"simple": "simple", "compact": "best", "yamnet": "transfer"}


def configure(recipe: str | None, options: Mapping[str, Any], base: TrainConfig | None = None) -> TrainConfig:
    """A recipe with the options that are not None in place of its fields, see :func:`fat2019.config.overrides.changed`.

    Args:
        recipe: its name; by default that of the network that the options name, or else :data:`DEFAULT`.
        options: by the names of fields.
        base: a configuration in place of a recipe.

    Raises:
        DataError: there is no such recipe, one is given beside another configuration, a value is out of range, or an
            option would have no effect.
    """
    if recipe is not None and recipe not in RECIPES:
        raise DataError(f"recipe: there is no {recipe!r}{_near(recipe)}; `recipes` lists them")
    if recipe is not None and base is not None:
        raise DataError(f"recipe: {recipe} and a configuration from a file exclude each other; leave out one")
    network = options.get("name")
    name = recipe or (recipe_of(network) if network in NETWORKS else None)
    config = changed(base or (RECIPES[name].config if name else DEFAULT), options)
    require_effect(config, options)
    return config


def recipe_of(network: str) -> str:
    """The default recipe of a network."""
    return _OF_NETWORKS.get(network, "two-stages")


def _near(recipe: str) -> str:
    near = difflib.get_close_matches(recipe, RECIPES)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _recipes() -> Iterable[Recipe]:
    yield Recipe(
        "best", OURS, "compact network, curated clips, windows shifted and mixed", BEST, {}, "not of the report"
    )
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
    yield Recipe("simple", OURS, "the report's simple network, cosine schedule", SIMPLE, {}, "not of the report")
    yield Recipe(
        "two-stages",
        OURS,
        "ResNet50 as the report's model 2: top blocks on noisy clips, then the head on curated ones",
        TWO_STAGES,
        {},
        "of other networks on a backbone as well, by --model",
    )
    yield Recipe(
        "transfer",
        OURS,
        "a linear layer on stages of YAMNet, and classes that it knows by name; curated clips, levelled and moved",
        TRANSFER,
        {},
        "not of the report; needs a store built with --config yamnet. FSDKaggle2019's competition allows no pretrained "
        "networks and no other data",
        features="yamnet",
    )
    yield Recipe(
        "probe",
        OURS,
        "a logistic regression per class on YAMNet's stored embeddings: a tagger in seconds",
        PROBE,
        {},
        "not of the report; needs a store built with --config yamnet. FSDKaggle2019's competition allows no pretrained "
        "networks and no other data",
        features="yamnet",
    )
    yield from paper_recipes()


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _recipes()}
