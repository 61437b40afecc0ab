"""How training batches are made."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from fat2019.augmentations import registry
from fat2019.augmentations.base import Augmentation
from fat2019.errors import DataError
from fat2019.utils.values import AUGMENTATION, DATA, HARDWARE, OPTIMISATION, Checked, option


@dataclasses.dataclass(frozen=True)
class FeedConfig(Checked):
    """How training batches are made. The defaults are the report's, without augmentation."""

    batch_windows: Annotated[int, option("--batch-size", OPTIMISATION, "Windows per step.", ge=1)] = 64
    candidates: Annotated[
        int, option("--candidates", AUGMENTATION, "Random windows per example; the max-energy one is used.", ge=1)
    ] = 3
    augmentations: tuple[Augmentation, ...] = ()  # those that are on, in the order in which they are applied
    augment: Annotated[
        Literal["all", "double-curated"],
        option(
            "--augment",
            AUGMENTATION,
            "Augment every window, or use each curated clip twice, once augmented and once raw, and noisy clips raw.",
        ),
    ] = "all"
    noisy_weight: Annotated[
        float,
        option("--noisy-weight", DATA, "Repeats of a noisy clip per repeat of a curated clip.", metavar="WEIGHT", ge=0),
    ] = 1.0
    class_balanced: Annotated[bool, option("--class-balanced", DATA, "Draw clips of rare classes more often.")] = False
    reader: Annotated[
        Literal["auto", "memory", "stream"],
        option("--reader", HARDWARE, "Cache log-mels in memory or stream TFRecord shards."),
    ] = "auto"
    seed: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "augmentations", _in_order(self.augmentations))
        if self.augment == "double-curated" and self.class_balanced:  # of clips used more often, a larger share
            raise DataError(
                "augment double-curated and class_balanced: give only one of them: together, how often a clip is "
                "augmented would reveal its class"
            )

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it: augmentations by name."""
        return {**super().to_plain(), "augmentations": {one.name: one.to_plain() for one in self.augmentations}}

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Self:
        """See :meth:`Checked.from_plain`.

        Raises:
            DataError: there is no augmentation of a name, or a field does not fit.
        """
        named = fields.get("augmentations", {})
        if not isinstance(named, Mapping):
            raise DataError(f"augmentations: expected names with their options, received {named!r}")
        augmentations = tuple(registry.named(name).from_plain(options) for name, options in named.items())
        return super().from_plain({**fields, "augmentations": augmentations})


def _in_order(augmentations: tuple[Augmentation, ...]) -> tuple[Augmentation, ...]:
    """By position, without those that are off."""
    names = [one.name for one in augmentations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DataError(f"augmentations: expected each once, received {', '.join(sorted(twice))} more than once")
    return tuple(sorted((one for one in augmentations if one.is_on), key=lambda one: one.position))
