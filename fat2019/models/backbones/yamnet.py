"""YAMNet, Google's network of 521 AudioSet classes: MobileNetV1 (arXiv 1704.04861) on patches of 96x64.

Source: tensorflow/models, research/audioset/yamnet. It is a table of stages and one loop. The mean over its feature map
is the embedding of 1,024 numbers; up to there it takes patches of any length.
"""

import csv
import hashlib
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt

from fat2019.errors import DataError
from fat2019.models import weights
from fat2019.models.backbones.base import Backbone, Whole, load_keras_weights
from fat2019.models.weights import Published, cache, what_is_wrong

CLASSES = 521
EMBEDDING = 1024
HOP_FRAMES = 48  # from one patch to the next, as its makers use it

_FIRST_CHANNELS = 32  # of a full convolution by stride 2; the stages after it are depthwise and pointwise ones
_STAGES = (  # stride, channels
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    *((1, 512),) * 5,
    (2, 1024),
    (1, 1024),
)
_EPSILON = 1e-4
_ARRAYS_SHA256 = "638a73bf7aec71ed6b5729bb1a161ca26bb4b42517da96e883532129adb70a1b"
_NAMES = Path(__file__).with_name("yamnet_classes.txt")
_OTHER_NAMES = Path(__file__).with_name("yamnet_other_names.csv")


def build(input_shape: tuple[int | None, int, int], name: str) -> keras.Model:
    """The network up to its feature map: ``(batch, frames, 64, 1)`` -> ``(batch, frames / 32, 2, 1024)``."""
    layers = keras.layers
    patches = keras.Input(input_shape)
    features = layers.Conv2D(_FIRST_CHANNELS, 3, 2, padding="same", use_bias=False, name="layer1_conv")(patches)
    features = _normalised(features, "layer1_conv")
    for stage, (stride, channels) in enumerate(_STAGES, start=2):
        depthwise, pointwise = f"layer{stage}_depthwise_conv", f"layer{stage}_pointwise_conv"
        features = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=depthwise)(features)
        features = _normalised(features, depthwise)
        features = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=pointwise)(features)
        features = _normalised(features, pointwise)
    return keras.Model(patches, features, name=name)


def build_with_scores(mel_bands: int = 64) -> keras.Model:
    """The whole network: patches ``(batch, frames, mels, 1)`` of any length -> embedding and scores of its classes.

    For scoring alone: batch normalisation is part of the convolutions' weights, which takes a fifth less time.
    """
    layers = keras.layers
    patches = keras.Input((None, mel_bands, 1))
    features = layers.Conv2D(_FIRST_CHANNELS, 3, 2, padding="same", activation="relu")(patches)
    for stride, channels in _STAGES:
        features = layers.DepthwiseConv2D(3, stride, padding="same", activation="relu")(features)
        features = layers.Conv2D(channels, 1, padding="same", activation="relu")(features)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(features)
    scores = layers.Dense(CLASSES, activation="sigmoid", name="dense")(embedding)
    return keras.Model(patches, [embedding, scores], name="yamnet_with_scores")


def load_with_scores(model: keras.Model, path: Path) -> None:
    """Fill the whole network from a file of Google's layout.

    Raises:
        DataError: the file holds something else; the message says what, where the file tells.
    """
    scores = classifier(path)
    arrays = _arrays(path)[:-1]
    *convolutions, dense = [layer for layer in model.layers if layer.weights]
    shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in convolutions]
    _require_shapes(path, arrays, [of_one for kernel, bias in shapes for of_one in ([kernel], [bias] * 3)])
    for layer, (kernel,), (beta, mean, variance) in zip(convolutions, arrays[::2], arrays[1::2], strict=True):
        factor = 1 / np.sqrt(variance + _EPSILON)  # (channels,)
        is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        layer.set_weights([kernel * (factor[:, None] if is_depthwise else factor), beta - mean * factor])
    dense.set_weights(scores)


def load(model: keras.Model, path: Path) -> None:
    """Fill the network up to its feature map from a file of Google's layout (``yamnet.h5``) or of Keras's.

    Raises:
        DataError: the file holds something else; the message says what, where the file tells.
    """
    reason = what_is_wrong(path)
    if reason:
        raise DataError(f"{path}: {reason}")
    if not _is_of_googles_layout(path):
        load_keras_weights(model, path)
        return
    layers = [layer for layer in model.layers if layer.weights]
    arrays = _arrays(path)[: len(layers)]
    _require_shapes(path, arrays, [[tuple(weight.shape) for weight in layer.weights] for layer in layers])
    for layer, of_layer in zip(layers, arrays, strict=True):
        layer.set_weights(of_layer)


def class_names() -> tuple[str, ...]:
    """The names of its classes, in the order of its scores: the display names of AudioSet's ontology."""
    return tuple(_NAMES.read_text(encoding="utf-8").splitlines())


def other_names() -> dict[str, str]:
    """What data sets and people also call the sounds of its classes, and the name of the class."""
    with _OTHER_NAMES.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row["class"] for row in csv.DictReader(file)}


def classifier(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The layer of its scores in a file of its weights: kernel ``(1024, 521)`` and bias ``(521,)``.

    Raises:
        DataError: the file holds something else, or the network without its scores.
    """
    reason = what_is_wrong(path)
    last = _arrays(path)[-1] if not reason and _is_of_googles_layout(path) else []
    if [array.shape for array in last] != [(EMBEDDING, CLASSES), (CLASSES,)]:
        reason = reason or "the layer of YAMNet's own classes is not in it"
        raise DataError(f"{path}: {reason}; give Google's yamnet.h5, or --known-classes 0")
    return last[0], last[1]


def _normalised(features: Any, name: str) -> Any:
    # Without scale, and with the momentum of Google's training until the builder of a run sets its own.
    norm = keras.layers.BatchNormalization(scale=False, epsilon=_EPSILON, name=f"{name}_bn")
    return keras.layers.ReLU(name=f"{name}_relu")(norm(features))


def _is_of_googles_layout(path: Path) -> bool:
    """Whether a file is of Keras's older layout of HDF5: layers in order, each with the names of its arrays."""
    if not h5py.is_hdf5(path):
        return False
    with h5py.File(path) as file:
        return "layer_names" in file.attrs


def _require_shapes(
    path: Path, arrays: list[list[npt.NDArray[np.float32]]], wanted: list[list[tuple[int, ...]]]
) -> None:
    if [[array.shape for array in of_layer] for of_layer in arrays] != wanted:
        raise DataError(f"{path}: these are not weights of yamnet: its layers have other shapes")


def _arrays(path: Path) -> list[list[npt.NDArray[np.float32]]]:
    """The arrays of each layer that has some, in the network's order: names differ with who wrote the file."""
    with h5py.File(path) as file:
        layers = [file[name] for name in file.attrs["layer_names"]]
        arrays = [[layer[name][()] for name in layer.attrs["weight_names"]] for layer in layers]
    return [of_layer for of_layer in arrays if of_layer]


def _digest(path: Path) -> str:
    """SHA-256 over the arrays in the network's order, whatever file they are in."""
    digest = hashlib.sha256()
    for of_layer in _arrays(path):
        for array in of_layer:
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def _wrong_arrays(path: Path) -> str | None:
    if _is_of_googles_layout(path) and _digest(path) == _ARRAYS_SHA256:
        return None
    return "its arrays are not those of YAMNet as published"


BACKBONE = Backbone(
    build=build,
    top=("layer13_", "layer14_"),  # those of 1,024 channels
    stages=tuple(f"layer{stage}_pointwise_conv_relu" for stage in (6, 8, 10, 11, 12, 13, 14)),
    published=Published("audioset", weights.YAMNET, cache, check=_wrong_arrays),
    channels=1,
    features="yamnet",
    load=load,
    whole=Whole(build_with_scores, load_with_scores, HOP_FRAMES, class_names, other_names, classifier),
)
