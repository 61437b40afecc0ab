"""Options generated from the fields of configurations: name, type, choices, range, default and help stand there alone.

The default that help names is the one of training without a recipe. The value of an option that is not given is None:
then the field is as the recipe has it.
"""

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterator
from typing import Any

import click

from fat2019.augmentations.registry import registered
from fat2019.cli.options import NearChoice, Some
from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.recipes import DEFAULT
from fat2019.config.training import Stage, TrainConfig
from fat2019.utils.values import GROUPS, Checked, bare_type, choices, meta

_ON_BY_DEFAULT: dict[type[Checked], Any] = {type(one): one for one in DEFAULT.stages[-1].feed.augmentations}
_DEFAULTS: tuple[tuple[type[Checked], Any], ...] = (
    (ModelConfig, DEFAULT.model),
    (Stage, DEFAULT.stages[-1]),
    (FeedConfig, DEFAULT.stages[-1].feed),
    *((cls.options(), _ON_BY_DEFAULT.get(cls.options(), cls.options()())) for cls in registered()),
    (TrainConfig, DEFAULT),
)


class FieldOption(click.Option):
    """An option that changes one field of a recipe."""

    def __init__(self, *args: Any, group: str, default_text: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        self._default_text = default_text

    def get_help_extra(self, context: click.Context) -> Any:
        """What stands in brackets behind the help text: the field's default, and its range."""
        return {**super().get_help_extra(context), "default": self._default_text}


def recipe_options(*, leave_out: Collection[str] = (), repeatable: bool = False) -> Callable[[Callable], Callable]:
    """Give a command an option for each field of a recipe.

    Args:
        leave_out: fields that the command decides itself.
        repeatable: whether an option may be given more than once, and is a tuple of values; a flag is not.
    """

    def decorate(command: Callable) -> Callable:
        for attributes in reversed([one for one in _options() if one["name"] not in leave_out]):
            command = _decorated(command, repeatable=repeatable, **attributes)
        return command

    return decorate


def _decorated(command: Callable, *, name: str, flag: str, repeatable: bool, **attributes: Any) -> Callable:
    is_switch = flag.count("--") > 1
    multiple = repeatable and not is_switch
    return click.option(flag, name, cls=FieldOption, multiple=multiple, default=() if multiple else None, **attributes)(
        command
    )


def _options() -> Iterator[dict[str, Any]]:
    """The attributes of each option, by groups."""
    fields = [one for cls, defaults in _DEFAULTS for one in _fields(cls, defaults)]
    yield from sorted(fields, key=lambda attributes: GROUPS.index(attributes["group"]))


def _fields(cls: type[Checked], defaults: Any) -> Iterator[dict[str, Any]]:
    for field in dataclasses.fields(cls):
        declared = meta(cls, field.name)
        extra = declared.extra or {}
        if "flag" in extra:
            kind = _kind(cls, field.name)
            switch = extra["flag"].replace("--", "--no-")
            yield {
                "name": field.name,
                "flag": extra["flag"] if kind is not None else f"{extra['flag']}/{switch}",
                "type": kind,
                "group": extra["group"],
                "help": declared.description,
                "metavar": extra.get("metavar") or _METAVARS.get(bare_type(cls, field.name)),
                "default_text": extra.get("default") or _text(getattr(defaults, field.name)),
            }


_METAVARS = {int: "N", float: "X"}


def _kind(cls: type[Checked], name: str) -> click.ParamType | None:
    """The type of an option's value; None of a switch."""
    hint, names, declared = bare_type(cls, name), choices(cls, name), meta(cls, name)
    if typing.get_origin(hint) is tuple:
        return Some(names, name.upper())
    if names:
        return NearChoice(names, f"values of {declared.extra['flag']}" if declared.extra else "values")
    if hint is str:
        return click.STRING
    if hint not in (int, float):
        return None
    number: Any = click.IntRange if hint is int else click.FloatRange
    return number(
        min=declared.ge if declared.gt is None else declared.gt,
        max=declared.le if declared.lt is None else declared.lt,
        min_open=declared.gt is not None,
        max_open=declared.lt is not None,
    )


def _text(value: Any) -> str:
    """A default as help names it."""
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"
