"""What must be the same for a run to resume, and what is written down beside it."""

import importlib.metadata
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fat2019.config.features import to_json
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.runs.checksums import sha256_of
from fat2019.runs.configuration import CONFIG_NAME, read_config, write_config
from fat2019.runs.upgrade import upgraded
from fat2019.store.reader import FeatureStore
from fat2019.utils.files import clear_unfinished, make_folder, read_json
from fat2019.utils.lock import RUN_LOCK_NAMES

log = logging.getLogger(__name__)

_OPTIONAL = ("weights_sha256", "init_sha256")  # older versions had none


def begin_or_resume(path: Path, wanted: dict[str, Any], also: dict[str, Any]) -> None:
    """Make a run folder with its ``config.json``, or see that the run that is there is the one wanted.

    Args:
        path: the folder.
        wanted: what makes two runs the same.
        also: what else is written down for a new one.

    Raises:
        DataError: the folder holds another run, or something else.
    """
    make_folder(path)
    for folder in (path, path / "state"):
        clear_unfinished(folder)
    wanted = json.loads(json.dumps(wanted))  # tuples become lists, as they are in the file
    before = read_json(path / CONFIG_NAME) if (path / CONFIG_NAME).is_file() else {}
    is_run = "train" in before  # other programs have a config.json too
    if not is_run and any(entry.name not in RUN_LOCK_NAMES for entry in path.iterdir()):
        raise DataError(f"{path}: this folder is neither empty nor a run; give another one")
    if is_run and _has_trained(path):
        before = read_config(path)
        _require_same(path, upgraded(before), upgraded(wanted))
        if not (path / "metrics.json").is_file():
            _warn_of_other_surroundings(path, before, also)
        return
    (path / "split.csv").unlink(missing_ok=True)  # of a command that failed, and is now corrected
    write_config(path, {**wanted, **also})


def _require_same(path: Path, before: dict[str, Any], wanted: dict[str, Any]) -> None:
    names = [name for name in wanted if name in before or name not in _OPTIONAL]
    found = [change for name in names for change in _changes(before.get(name), wanted[name], name)]
    if found:
        more = f" and {len(found) - 3} more differences" if len(found) > 3 else ""
        raise DataError(
            f"{path}: this folder holds a run with {', '.join(found[:3])}{more}; give the same "
            "options to resume it, or another folder for a new one"
        )


def _warn_of_other_surroundings(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Say what changes the last digits of a training that is resumed."""
    found = [
        f"{name} {now_is} instead of {was}"
        for name, was, now_is in (
            ("TensorFlow", before.get("versions", {}).get("tensorflow"), now.get("versions", {}).get("tensorflow")),
            ("oneDNN", before.get("onednn"), now.get("onednn")),
        )
        if was is not None and now_is is not None and was != now_is
    ]
    if found:
        log.warning(
            "%s: resumed with %s: numbers may differ from those of an uninterrupted run", path, ", ".join(found)
        )


def _has_trained(path: Path) -> bool:
    """Whether there is anything to lose: an epoch that is finished, or a network taken over."""
    return (path / "state" / "state.json").is_file() or any(path.glob("*.keras")) or (path / "metrics.json").is_file()


def _changes(before: Any, wanted: Any, at: str) -> list[str]:
    """The differing fields, with their path."""
    if isinstance(before, dict) and isinstance(wanted, dict):
        return [
            change
            for key in sorted(before.keys() | wanted.keys())
            for change in _changes(before.get(key), wanted.get(key), f"{at}.{key}")
        ]
    if isinstance(before, list) and isinstance(wanted, list) and len(before) == len(wanted):
        return [
            change
            for index, pair in enumerate(zip(before, wanted, strict=True))
            for change in _changes(*pair, f"{at}[{index}]")
        ]
    return [] if before == wanted else [f"{at} {before!r} instead of {wanted!r}"]


def identity(store: FeatureStore, config: TrainConfig) -> dict[str, Any]:
    """What must be the same for a run to resume."""
    return {
        "train": config.to_plain(),
        "features": {"digest": store.config.digest(), "config": json.loads(to_json(store.config))},
        "vocabulary": list(store.vocabulary.names),
        **({"relabel_sha256": sha256_of(Path(config.relabel))} if config.relabel else {}),
        # Weights are needed for the first epoch alone: who has taken the file away since can resume all the same.
        **({"weights_sha256": sha256_of(weights)} if (weights := Path(config.model.weights)).is_file() else {}),
        **({"init_sha256": sha256_of(model)} if (model := Path(config.init, "model.keras")).is_file() else {}),
    }


def has_same_recordings(path: Path, store: FeatureStore, splits: Iterable[str]) -> bool:
    """Whether a run was made of the recordings that the store has; one of an older version does not tell."""
    now = store.content_key(splits)
    return bool(read_config(path).get("sounds_sha256", now) == now)


def circumstances(store: FeatureStore, splits: Iterable[str]) -> dict[str, Any]:
    """What is written down beside what makes two runs the same."""
    return {
        "store": str(store.path.resolve()),
        "sounds_sha256": store.content_key(splits),
        "onednn": onednn(),
        "versions": {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
    }


def onednn() -> str:
    """Whether TensorFlow was told to use oneDNN."""
    setting = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return "as TensorFlow decides" if setting is None else "on" if setting.lower() in ("1", "true") else "off"
