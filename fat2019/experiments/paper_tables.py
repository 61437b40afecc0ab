"""The report's tables and figures by name."""

import dataclasses

from fat2019.config.overrides import changed
from fat2019.config.paper import TITLES
from fat2019.config.recipe import Recipe
from fat2019.config.recipes import RECIPES
from fat2019.errors import DataError

FINAL = "table-7.1"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table of the report with the figure that belongs to it, or a figure alone."""

    title: str
    figure: str = ""
    curves: tuple[str, ...] = ()  # recipes in the figure; none: all


EXPERIMENTS = {
    "section-6.1": Experiment("the simple network on curated clips"),
    "table-6.1": Experiment("frozen backbones with a dense head, no augmentation", "figure-6.2"),
    "table-6.2": Experiment("frozen backbones with the convolutional head"),
    "figure-6.3": Experiment("frozen backbones, SpecAugment", "figure-6.3"),
    "table-6.3": Experiment("learning rates of the first stage, ResNet50 on noisy clips"),
    "table-6.4": Experiment("first stage: the last layers on noisy clips"),
    "table-6.5": Experiment(
        "second stage on curated clips, by augmentation",
        "figure-6.4",
        tuple(
            f"table-6.5-{model}-{augmentation}"
            for model in ("resnet50", "mobilenetv2")
            for augmentation in ("raw", "specaugment")
        ),
    ),
    "figure-6.5": Experiment("all layers trained, SpecAugment", "figure-6.5"),
    "section-6.6": Experiment("model 1 with another learning rate and optimizer"),
    "figure-6.6": Experiment("kernel sizes of the simple network", "figure-6.6"),
    "table-6.6": Experiment("optimizers and learning rates of the second stage, ResNet50"),
    FINAL: Experiment("the final models and their means, on the test clips"),
}
NAMES = tuple(
    dict.fromkeys([*EXPERIMENTS, *(experiment.figure for experiment in EXPERIMENTS.values() if experiment.figure)])
)


def table_of(name: str) -> str:
    """The table that a figure belongs to, or the name itself.

    Raises:
        DataError: there is no such table; the message names those there are.
    """
    for table, experiment in EXPERIMENTS.items():
        if name in (table, experiment.figure):
            return table
    raise DataError(f"reproduce: expected one of {', '.join(NAMES)}, received {name!r}")


def rows_of(table: str, backbone: str | None = None) -> list[Recipe]:
    """The rows of a table.

    Args:
        table: a key of :data:`EXPERIMENTS`.
        backbone: replaces the one of every row, for instance because weights of the report's are not at hand. Such a
            row keeps none of the report's figures, and is left out where the table has the same row on that backbone.
    """
    rows: dict[str, Recipe] = {}
    for recipe in (recipe for recipe in RECIPES.values() if recipe.experiment == table):
        if backbone is None or recipe.config.model.name in (backbone, "simple"):
            rows[recipe.name] = recipe
        else:
            moved = _on_backbone(recipe, backbone)
            rows.setdefault(moved.name, moved)
    return list(rows.values())


def _on_backbone(recipe: Recipe, backbone: str) -> Recipe:
    theirs = recipe.config.model.name
    name = recipe.name.replace(theirs, backbone)
    return dataclasses.replace(
        recipe,
        name=name if name != recipe.name else f"{name}-on-{backbone}",
        row=recipe.row.replace(TITLES[theirs], TITLES.get(backbone, backbone)),
        config=changed(recipe.config, {"name": backbone}),
        reported={},
    )
