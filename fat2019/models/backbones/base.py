"""What a network needs to be a backbone."""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt

from fat2019.errors import DataError
from fat2019.models.weights import Published, what_is_wrong

Layers = Callable[[Any], Any]  # a function of one Keras tensor


def load_keras_weights(model: keras.Model, path: Path) -> None:
    """Fill a network from a file that Keras wrote, of today's or the older layout.

    Raises:
        DataError: it holds something else; the message says what, where the file tells.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            model.load_weights(_named_by_layout(path, Path(folder)))
    except Exception as error:  # Keras and h5py raise whatever they stumble over
        reason = what_is_wrong(path) or f"these are not weights of {model.name} without its top: {_first_line(error)}"
        raise DataError(f"{path}: {reason}") from error


@dataclasses.dataclass(frozen=True)
class Whole:
    """A backbone with the classes that it was trained on."""

    build: Callable[[], keras.Model]  # patches (batch, frames, mels, 1) -> embedding (batch, size), scores (batch, n)
    load: Callable[[keras.Model, Path], None]  # fills it from a file
    hop_frames: int  # from one patch to the next, as its makers use it
    class_names: Callable[[], tuple[str, ...]]
    other_names: Callable[[], Mapping[str, str]]  # what its classes are called elsewhere, and their names
    # Given the file of its weights, kernel (size, n) and bias (n,) of its scores:
    classifier: Callable[[Path], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network made elsewhere, up to its feature map ``(batch, rows, columns, channels)``, and what it expects."""

    build: Callable[[tuple[int | None, int, int], str], keras.Model]  # of an input shape, and by a name; fresh
    top: tuple[str, ...]  # what the names of its last stages' layers begin with
    stages: tuple[str, ...]  # layers whose feature maps the head `stages` takes, the last one of the network among them
    published: Published  # weights that its makers trained
    channels: int = 3  # of its input; the log-mel is repeated
    prepare: Layers = lambda images: images  # from what the feed gives to what its weights were trained on
    features: str | None = None  # the named front end that its weights were trained on; none: any, as an image
    load: Callable[[keras.Model, Path], None] = load_keras_weights
    whole: Whole | None = None  # of one that tags and embeds without any training


def of_keras(function: str) -> Callable[[tuple[int | None, int, int], str], keras.Model]:
    """A builder of a network of ``keras.applications`` without its top."""

    def build(input_shape: tuple[int | None, int, int], name: str) -> keras.Model:
        make = getattr(keras.applications, function)
        return make(include_top=False, weights=None, input_shape=input_shape, name=name)

    return build


def _named_by_layout(path: Path, folder: Path) -> Path:
    """The file, or a link to it in a folder by whose suffix Keras tells its layout."""
    if not h5py.is_hdf5(path):
        return path
    with h5py.File(path) as file:
        link = folder / ("older.h5" if "layer_names" in file.attrs else "todays.weights.h5")
    link.symlink_to(path.absolute())
    return link


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
