"""A folder of sounds, or a store, as what a training begins with."""

from pathlib import Path

from fat2019.config.features import NAMED
from fat2019.data.clip import DataSet
from fat2019.store.building.builder import BuildSummary, build_features
from fat2019.store.manifest import MANIFEST_NAME
from fat2019.utils.progress import Progress


def is_store(path: Path) -> bool:
    """Whether a folder holds a feature store."""
    return (path / MANIFEST_NAME).is_file()


def store_place(sounds: Path, configuration: str = "report", features: Path = Path("features")) -> Path:
    """The folder of the store of these sounds: named as they are, and by its features if they are unusual."""
    name = sounds.resolve().name or "sounds"
    return features / (name if configuration == "report" else f"{name}-{configuration}")


def build_store(data_set: DataSet, out: Path, configuration: str, progress: Progress | None = None) -> BuildSummary:
    """Build what is missing of the store of a data set.

    Args:
        data_set: its clips.
        out: the store's folder.
        configuration: name of the features, one of :data:`fat2019.config.features.NAMED`.
        progress: is called after each shard.

    Raises:
        DataError: the store cannot be built.
    """
    return build_features(data_set, out, NAMED[configuration], progress=progress)
