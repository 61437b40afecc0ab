"""What every augmentation is: options, the numbers that it draws for an example, and what it does to a batch."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from fat2019.errors import DataError
from fat2019.utils.values import Checked

if TYPE_CHECKING:
    import tensorflow as tf

    from fat2019.augmentations.random_numbers import RandomNumbers


class Scale(Protocol):
    """What the values that a network is fed mean as sound."""

    @property
    def silence(self) -> float:
        """The value of silence, the least there is."""

    def below_peak(self, values: tf.Tensor, decibels: tf.Tensor) -> tf.Tensor:
        """Values ``(batch, frames, mels)`` of windows of these ranges ``(batch,)`` -> decibels below their loudest."""

    def from_below_peak(self, below_peak: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Its inverse, of sounds as loud as those of ``values``, where loudness is kept."""


class Batch(NamedTuple):
    """Windows on their way to the network."""

    images: tf.Tensor  # (batch, frames, mels) float32, on this scale:
    scale: Scale
    decibels: tf.Tensor  # (batch,) float32, the range of each window when it was cut
    labels: tf.Tensor  # (batch, classes) float32 in 0..1


@dataclasses.dataclass(frozen=True)
class Augmentation(Checked, abc.ABC):
    """Base of augmentations: a frozen value whose fields are its options.

    The fields' names are those of the options, and each occurs in one augmentation alone.
    """

    name: ClassVar[str]  # in config.json
    title: ClassVar[str]  # in messages
    position: ClassVar[int]  # in the order in which augmentations are applied
    streams: ClassVar[tuple[int, ...]]  # of random numbers; for good, or resumed runs would draw others
    dependent: ClassVar[tuple[str, ...]] = ()  # options that do nothing where others leave the augmentation off

    @property
    @abc.abstractmethod
    def is_on(self) -> bool:
        """Whether it does anything."""

    @abc.abstractmethod
    def draw(self, numbers: RandomNumbers, augmented: tf.Tensor) -> Any:
        """Draw what happens to each example of an epoch.

        Args:
            numbers: of the epoch, of which it takes its own streams.
            augmented: bool ``(examples,)``; the others must stay as they are, to the bit.

        Returns:
            Augmentation parameters: a tensor ``(examples, ...)``, or a named tuple of such.
        """

    @abc.abstractmethod
    def apply(self, batch: Batch, drawn: Any) -> Batch:
        """Augment a batch by the parameters drawn for its examples, ``(batch, ...)`` each; a pure function."""

    @classmethod
    def options(cls) -> type[Checked]:
        """The values that the command line has options for."""
        return cls

    @classmethod
    def changed(cls, current: Self | None, options: Mapping[str, Any]) -> Self | None:
        """The augmentation with these options in place of its fields; None is off.

        Args:
            current: as it is.
            options: by the names of fields, among others' options.

        Raises:
            DataError: a value is out of range.
        """
        given = {field.name: options[field.name] for field in dataclasses.fields(cls) if field.name in options}
        if not given:
            return current
        changed = dataclasses.replace(current or cls(), **given)
        return changed if changed.is_on else None

    @classmethod
    def require_on(cls, options: Mapping[str, Any]) -> None:
        """Check that none of these options needs the augmentation, which is off.

        Raises:
            DataError: one does.
        """
        for name in cls.dependent:
            if options.get(name) is not None:
                raise DataError(f"{name}: {options[name]} has no effect here: it is an option of {cls.title}")
