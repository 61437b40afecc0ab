"""The augmentations that there are, in the order in which they are applied."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from fat2019.augmentations import random_numbers
from fat2019.augmentations.base import Augmentation
from fat2019.errors import DataError

_Class = TypeVar("_Class", bound=type[Augmentation])
_OF_THE_SAMPLER = {
    random_numbers.WINDOW,
    random_numbers.ORDER,
    random_numbers.SAMPLE,
    random_numbers.SAMPLE_ORDER,
    random_numbers.STREAM_ORDER,
}
_CLASSES: dict[str, type[Augmentation]] = {}


def register(cls: _Class) -> _Class:
    """Make an augmentation known: a decorator of its class.

    Raises:
        ValueError: its name, its position, a stream or an option is another one's.
    """
    for what, taken, own in (
        ("name", set(_CLASSES), {cls.name}),
        ("position", {one.position for one in _CLASSES.values()}, {cls.position}),
        ("stream", _OF_THE_SAMPLER.union(*(one.streams for one in _CLASSES.values())), set(cls.streams)),
        ("option", {name for one in _CLASSES.values() for name in _names(one)}, _names(cls)),
    ):
        if common := taken & own:
            raise ValueError(f"{cls.__name__}: {what} {min(common)} is taken; taken are {sorted(taken)}")
    _CLASSES[cls.name] = cls
    return cls


def registered() -> tuple[type[Augmentation], ...]:
    """All of them, by position."""
    return tuple(sorted(_CLASSES.values(), key=lambda cls: cls.position))


def named(name: str) -> type[Augmentation]:
    """The augmentation of a name.

    Raises:
        DataError: there is none.
    """
    if name not in _CLASSES:
        raise DataError(f"augmentation: expected one of {', '.join(_CLASSES)}, received {name!r}")
    return _CLASSES[name]


def changed(augmentations: Iterable[Augmentation], options: Mapping[str, Any]) -> tuple[Augmentation, ...]:
    """Augmentations with these options, by name, in place of their fields: those that are then on, by position.

    Raises:
        DataError: a value is out of range.
    """
    current = {type(one): one for one in augmentations}
    results = (cls.changed(current.get(cls), options) for cls in registered())
    return tuple(one for one in results if one is not None)


def require_effect(augmentations: Iterable[Augmentation], options: Mapping[str, Any]) -> None:
    """Check that no option is given that needs an augmentation which is not among these.

    Raises:
        DataError: one is.
    """
    on = {type(one) for one in augmentations}
    for cls in registered():
        if cls not in on:
            cls.require_on(options)


def _names(cls: type[Augmentation]) -> set[str]:
    return {field.name for of in (cls, cls.options()) for field in dataclasses.fields(of)}
