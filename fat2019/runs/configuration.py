"""``config.json``: what a run was really made with, and its own digest."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fat2019.errors import OtherVersion
from fat2019.runs.checksums import require_digest, with_digest
from fat2019.utils.files import read_json, write_json

log = logging.getLogger(__name__)

CONFIG_NAME = "config.json"
FORMAT = 2  # 1 stated nothing of its files, and had no such field
_EDITABLE = ("store",)  # who moves a store may write its new place


def write_config(run: Path, config: Mapping[str, Any]) -> None:
    """Write a new run's configuration."""
    write_json(run / CONFIG_NAME, with_digest({**config, "format": FORMAT}, _EDITABLE))


def read_config(run: Path) -> dict[str, Any]:
    """A run's configuration as its file has it, ``format`` included.

    Raises:
        OtherVersion: a later version of this program wrote it.
        DataError: it cannot be read, was changed by hand, or is damaged.
    """
    path = run / CONFIG_NAME
    config = read_json(path)
    if "format" not in config and "sha256" not in config:
        log.debug("%s: of a version that stated no checksums: its files are not checked", path)
        return {**config, "format": 1}
    if isinstance(config.get("format"), int) and config["format"] > FORMAT:
        raise OtherVersion(f"{path}: a run of format {config['format']}; this version of fat2019 reads up to {FORMAT}")
    return require_digest(path, config, _EDITABLE)
