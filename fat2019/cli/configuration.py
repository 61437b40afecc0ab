"""A whole configuration from a file, in place of a recipe."""

import json
import tomllib
from pathlib import Path
from typing import Any

from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.runs.upgrade import upgraded


def read_configuration(path: Path) -> TrainConfig:
    """Read what ``config.json`` of a run holds under ``train``, from TOML or JSON; fields left out have their defaults.

    Both are the standard library's; YAML would be one more dependency for the same.

    Args:
        path: a file of that, or ``config.json`` of a run of any version.

    Raises:
        DataError: the file cannot be read, a field is unknown, or a value does not fit.
    """
    value = _parsed(path)
    train = value.get("train", value)
    try:
        return TrainConfig.from_plain(upgraded({"train": {"stages": [{}], **train}})["train"])
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not the configuration of a training, as config.json of a run has it") from error


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        value = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # of both parsers, and of bytes that are no text
        kind = "TOML" if path.suffix == ".toml" else "JSON (or name it .toml)"
        raise DataError(f"{path}: cannot be read as {kind}: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected fields with their values, received {type(value).__name__}")
    return value
