"""Configurations as checked values: a frozen dataclass whose annotations say what each field may hold.

A field is declared once, with its type, default, range and words::

    epochs: Annotated[int, option("--epochs", OPTIMISATION, "Epochs in the last stage.", ge=1)] = 50

Everything else follows from that: the check when a value is made, what ``config.json`` may hold, and the option of the
command line (its choices, range, default and help). The checks are msgspec's: of the libraries that do this it is
loaded in the least time, takes no number for another kind of number, and reads JSON into dataclasses as they are.
"""

import dataclasses
import inspect
import math
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import msgspec

from fat2019.errors import DataError

# The groups of options in help, in their order.
MODEL = "Model"
OPTIMISATION = "Optimisation"
AUGMENTATION = "Augmentation"
DATA = "Data and validation"
HARDWARE = "Hardware"
GROUPS = (MODEL, OPTIMISATION, AUGMENTATION, DATA, HARDWARE)

_KINDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list"}


@dataclasses.dataclass(frozen=True, eq=False)
class Checked:
    """Base of configurations: fields are checked when a value is made.

    Raises:
        DataError: a field holds another type, or a number out of its range.
    """

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            require(name, getattr(self, name), hint)

    def to_plain(self) -> dict[str, Any]:
        """The fields as JSON holds them."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Self:
        """The value that :meth:`to_plain` wrote; fields that are missing have their defaults.

        Raises:
            DataError: a field is unknown, or holds another type or a number out of its range.
        """
        hints = _hints(cls)
        if unknown := [name for name in fields if name not in hints]:
            raise DataError(f"{cls.__name__}: expected some of {', '.join(hints)}, received {', '.join(unknown)}")
        return cls(**{name: _from_plain(name, value, hints[name]) for name, value in fields.items()})


def option(
    flag: str,
    group: str,
    description: str,
    *,
    metavar: str | None = None,
    choices: Iterable[str] | None = None,
    default: str | None = None,
    **constraints: Any,
) -> msgspec.Meta:
    """Annotation of a field that has an option on the command line.

    Args:
        flag: name of the option.
        group: one of ``GROUPS``.
        description: help text.
        metavar: placeholder of the value in help.
        choices: values of a text, where others may be registered later, so that ``Literal`` cannot name them.
        default: what help says of the default, where the value itself would say little.
        constraints: of the value, as :class:`msgspec.Meta` takes them.
    """
    extra = {"flag": flag, "group": group, "metavar": metavar, "choices": choices, "default": default}
    return msgspec.Meta(
        description=description,
        extra={name: value for name, value in extra.items() if value is not None},
        **constraints,
    )


def require(name: str, value: Any, hint: Any) -> None:
    """Check that a value fits an annotation.

    Raises:
        DataError: it does not; the message begins with the name.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(f"{name}: expected a finite number, received {value}")
    if (base := _abstract_element(hint)) is not None:
        _require_instances(name, value, base)
        return
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise DataError(f"{name}: expected {_expected(hint, error)}, received {_shown(value)}") from error


def choices(cls: type[Checked], name: str) -> tuple[Any, ...]:
    """The values that a field may have, where they are few and have names; else none."""
    if (named := (meta(cls, name).extra or {}).get("choices")) is not None:
        return tuple(named)
    hint = bare_type(cls, name)
    if typing.get_origin(hint) is tuple:
        hint = _bare(typing.get_args(hint)[0])
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def meta(cls: type[Checked], name: str) -> msgspec.Meta:
    """The range, description and option of a field."""
    return next((one for one in getattr(_hints(cls)[name], "__metadata__", ()) if isinstance(one, msgspec.Meta)), _NONE)


def bare_type(cls: type[Checked], name: str) -> Any:
    """The type of a field without its annotations."""
    return _bare(_hints(cls)[name])


_NONE = msgspec.Meta()


# Options are made of every field several times, whenever the command line starts.
_KNOWN_HINTS: dict[type[Checked], dict[str, Any]] = {}


def _hints(cls: type[Checked]) -> dict[str, Any]:
    if cls not in _KNOWN_HINTS:
        hints = typing.get_type_hints(cls, include_extras=True)
        _KNOWN_HINTS[cls] = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    return _KNOWN_HINTS[cls]


def _abstract_element(hint: Any) -> type | None:
    """The class whose subclasses a tuple is to hold; msgspec takes a dataclass itself alone."""
    bare = _bare(hint)
    element = typing.get_args(bare)[0] if typing.get_origin(bare) is tuple else None
    return element if inspect.isabstract(element) else None


def _require_instances(name: str, value: Any, base: type) -> None:
    if not isinstance(value, tuple) or not all(isinstance(one, base) for one in value):
        raise DataError(f"{name}: expected a tuple of values of type {base.__name__}, received {value!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, Checked):
        return value.to_plain()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _from_plain(name: str, value: Any, hint: Any) -> Any:
    bare = _bare(hint)
    if typing.get_origin(bare) is tuple and isinstance(value, list | tuple):
        return tuple(_from_plain(name, one, typing.get_args(bare)[0]) for one in value)
    if not _is_checked(bare) or isinstance(value, Checked):
        return value
    if not isinstance(value, Mapping):
        raise DataError(f"{name}: expected fields with their values, received {value!r}")
    return bare.from_plain(value)


def _is_checked(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Checked)


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _expected(hint: Any, error: msgspec.ValidationError) -> str:
    bare = _bare(hint)
    inner = _bare(typing.get_args(bare)[0]) if typing.get_origin(bare) is tuple else bare
    if typing.get_origin(inner) is Literal and "length" not in str(error):
        return f"{'one' if inner is bare else 'some'} of {', '.join(map(str, typing.get_args(inner)))}"
    said = re.sub(r" - at .*|, got .*", "", str(error)).removeprefix("Expected ")
    return re.sub(r"`(\w+)`", lambda kind: _KINDS.get(kind[1], kind[1]), said)


def _shown(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else repr(value)
