"""Whole steps in one call, for use from Python: build, train, load, and register networks and recipes.

Import these functions from ``fat2019``, for example ``fat2019.train``. Heavy libraries are loaded only when needed.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fat2019.config.features import NAMED, FeatureConfig
from fat2019.config.model import NETWORKS
from fat2019.config.recipe import Recipe
from fat2019.config.recipes import RECIPES, configure
from fat2019.config.training import TrainConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.store.reader import FeatureStore

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

    from fat2019.models.registered import Builder
    from fat2019.serving.tagger import Tagger

REGISTERED = "registered"  # the experiment of recipes from outside


class TrainedRun:
    """A trained run, returned by :func:`load` and :func:`train`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loaded: Tagger | None = None

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._run.path

    @property
    def vocabulary(self) -> Vocabulary:
        """The classes, in the order of the scores."""
        return self._run.vocabulary

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores of a finished run; empty if it is not finished."""
        return self._run.metrics

    def model(self) -> "keras.Model":
        """The Keras network: images ``(batch, frames, mels, 1)`` -> probabilities ``(batch, classes)``."""
        return self._run.model()

    def tag(self, path: Path | str, top: int = 5) -> list[tuple[str, float]]:
        """The highest-scoring classes of an audio file with their scores, highest first.

        Raises:
            DataError: the file cannot be used.
        """
        return self._tagger().top(self.scores(path), top)

    def scores(self, path: Path | str) -> "npt.NDArray[np.float64]":
        """The scores of all classes for an audio file, ``(classes,)``.

        Raises:
            DataError: the file cannot be used.
        """
        [tagged] = self._tagger().tag([Path(path)], _refuse)
        return tagged.scores

    def _tagger(self) -> "Tagger":
        from fat2019.serving.tagger import Tagger

        if self._loaded is None:
            self._loaded = Tagger(self._run)
        return self._loaded


def load(run: Path | str) -> TrainedRun:
    """Open a trained run.

    Examples:
        >>> fat2019.load("RUN").tag("STORE/../data/test/x.wav")  # doctest: +SKIP
        [('Bark', 0.93), ('Bell', 0.21), ('Hiss', 0.08)]

    Raises:
        DataError: there is no such run, or one of its files was changed.
    """
    return TrainedRun(Run.open(run))


def build_features(
    folder: Path | str,
    out: Path | str,
    config: str | FeatureConfig = "report",
    *,
    formats: Sequence[str] = ("hdf5",),
    workers: int | None = None,
) -> FeatureStore:
    """Build a feature store from the audio files of a folder, or bring an existing store up to date.

    Args:
        folder: a data set in one of the known layouts.
        out: the store's folder.
        config: the name of a configuration, or a configuration of your own.
        formats: ``hdf5``, ``tfrecord`` or both.
        workers: number of processes, by default one per core.

    Raises:
        DataError: the data set or the store cannot be used.
    """
    from fat2019.data.data_set import find_data_set
    from fat2019.store.building.builder import build_features as build

    if isinstance(config, str) and config not in NAMED:
        raise DataError(f"config: expected one of {', '.join(NAMED)}, received {config!r}")
    features = NAMED[config] if isinstance(config, str) else config
    build(find_data_set(folder), Path(out), features, formats=formats, workers=workers)
    return FeatureStore.open(out)


def train(
    store: FeatureStore | Path | str, recipe: str | None = None, *, run: Path | str | None = None, **options: Any
) -> TrainedRun:
    """Train a network, or resume its training.

    Args:
        store: the features, or their folder.
        recipe: the name of a built-in or registered recipe; by default that of the command ``train``.
        run: the run's folder, by default ``runs/RECIPE`` or ``runs/MODEL``.
        options: configuration fields that override the recipe's: ``epochs``, ``learning_rate``, ``seed``, ... The
            field for the network's name is ``name``.

    Raises:
        DataError: an option is unknown or out of range, the folder holds another run, or training cannot start for
            any reason that the command would report.
    """
    require_options(options)
    config = configure(recipe, options)
    from fat2019.training.trainer import train as fit

    opened = store if isinstance(store, FeatureStore) else FeatureStore.open(store)
    return TrainedRun(fit(opened, config, Path(run) if run else Path("runs") / (recipe or config.model.name)))


def register_network(name: str, builder: "Builder") -> None:
    """Register your own network, which recipes then name as ``ModelConfig(name=...)``.

    Its runs can be resumed, scored, reported and exported like any other. If it has custom layers, import the module
    that registers them before you open such a run again; the run's error message names the module.

    Args:
        name: its name in configurations.
        builder: takes the number of classes and the shape of an image ``(frames, mels)``; returns an uncompiled Keras
            model from images ``(batch, frames, mels, 1)`` to probabilities ``(batch, classes)``.

    Raises:
        DataError: a built-in network has that name.
    """
    from fat2019.models.registered import BUILDERS

    if name in NETWORKS and name not in BUILDERS:
        raise DataError(f"network: {name!r} already exists; give another name")
    NETWORKS[name] = None
    BUILDERS[name] = builder


def register_recipe(name: str, config: TrainConfig, row: str = "") -> None:
    """Register your own recipe, for :func:`train` and for commands called from Python.

    Args:
        name: name of the recipe.
        config: all its settings.
        row: its description in the list of `recipes`.

    Raises:
        DataError: a built-in recipe has that name.
    """
    if name in RECIPES and RECIPES[name].experiment != REGISTERED:
        raise DataError(f"recipe: {name!r} already exists; give another name")
    RECIPES[name] = Recipe(name, REGISTERED, row or f"network {config.model.name}", config, {})


def require_options(options: Iterable[str]) -> None:
    """Check that all options are configuration fields.

    Raises:
        DataError: one is not.
    """
    known = {"policy"} | {field.name for part in _parts() for field in dataclasses.fields(part)}
    for name in options:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, n=1)
            raise DataError(f"{name}: no such option" + (f" (did you mean {close[0]!r}?)" if close else ""))


def _parts() -> tuple[Any, ...]:
    config = TrainConfig()
    return config, config.model, config.stages[0], config.stages[0].feed


def _refuse(path: Path, reason: str) -> None:
    raise DataError(reason)
