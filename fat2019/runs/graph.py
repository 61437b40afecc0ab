"""The network of a finished run as one small graph, which scores images without TensorFlow.

The graph is a TensorFlow Lite flatbuffer and its runtime LiteRT: TensorFlow itself converts, so that no further package
takes part in training, and the runtime loads in hundredths of a second where TensorFlow takes several. (ONNX Runtime
loads as fast, but what converts to ONNX is outdated by each release of TensorFlow.)
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.feed.tiles import IMAGE_MAXIMUM
from fat2019.utils.cores import cores
from fat2019.utils.files import write_whole
from fat2019.utils.native import native_messages_dropped

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

GRAPH_NAME = "network.tflite"
_FULL_SCALE_DB = 100.0  # about as much as a sine of full scale is above the floor of log-mels
TOLERANCE = 1e-4  # between the scores of the graph and of the network

Scorer = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]  # images (batch, frames, mels, 1) -> scores


def write_graph(model: "keras.Model", features: FeatureConfig, path: Path) -> bool:
    """Write the graph of a network, if it can be converted and scores alike what it is fed.

    Args:
        model: the network.
        features: that it is fed with.
        path: where the graph is written.

    Returns:
        Whether it was written; else there is no such file, and a line in the log says why.
    """
    path.unlink(missing_ok=True)
    try:
        graph = _convert(model)
        difference = _greatest_difference(model, features, read_graph(graph)[0])
    except Exception as error:  # of any kind: the run is as good without
        log.warning("%s: not written, since the network cannot be converted: %s", path, str(error).splitlines()[0])
        return False
    if not difference <= TOLERANCE:
        log.warning("%s: not written, since its scores differ from the network's by %.1e", path, difference)
        return False
    write_whole(path, graph)
    return True


def open_graph(path: Path, image_shape: tuple[int, ...], classes: int) -> Scorer:
    """The graph in a file, which scores images of this shape for so many classes.

    Raises:
        DataError: it cannot be read, or is of other images or classes; later, its scores are no numbers.
    """
    try:
        score, images, scores = read_graph(path.read_bytes())
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as a TensorFlow Lite graph: {error}") from error
    if (images, scores) != (image_shape, (classes,)):
        raise DataError(
            f"{path}: expected a graph from {image_shape} to {(classes,)}, the run's features and classes, received "
            f"one from {images} to {scores}: is it another run's?"
        )
    return functools.partial(_finite, path, score)


def _finite(path: Path, score: Scorer, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    scores = score(images)
    if not np.isfinite(scores).all():
        raise DataError(f"{path}: gives scores that are NaN or infinite: the file is unusable")
    return scores


def read_graph(graph: bytes) -> tuple[Scorer, tuple[int, ...], tuple[int, ...]]:
    """The function that a graph holds, of batches of any size, and the shapes of an image and of its scores.

    Raises:
        ValueError: these bytes are no graph.
    """
    from ai_edge_litert.interpreter import Interpreter

    with native_messages_dropped():  # that it uses XNNPACK
        interpreter = Interpreter(model_content=graph, num_threads=cores())
        interpreter.allocate_tensors()
    [image], [scores] = interpreter.get_input_details(), interpreter.get_output_details()
    score = functools.partial(_run, interpreter, image["index"], scores["index"])
    return score, _shape_of_one(image), _shape_of_one(scores)


def _shape_of_one(batch: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, batch["shape"][1:]))


def _run(interpreter: Any, image: int, scores: int, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    interpreter.resize_tensor_input(image, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(image, images)
    interpreter.invoke()
    return interpreter.get_tensor(scores)  # (batch, classes)


def _convert(model: "keras.Model") -> bytes:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.float32, name="images")], autograph=False)
    def scores(images: Any) -> Any:
        return model(images, training=False)

    with _without_advice():
        # Without the model as an argument, which would keep its weights as variables that the interpreter finds empty.
        return tf.lite.TFLiteConverter.from_concrete_functions([scores.get_concrete_function()]).convert()


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """The converter advises to give it the model, by the logger of another library."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _greatest_difference(model: "keras.Model", features: FeatureConfig, score: Scorer) -> float:
    low, high = _fed_values(features)
    images = np.random.default_rng(0).uniform(low, high, (3, *model.input_shape[1:])).astype(np.float32)
    return max(
        float(np.abs(np.asarray(model(some, training=False)) - score(some)).max()) for some in (images, images[:1])
    )


def _fed_values(features: FeatureConfig) -> tuple[float, float]:
    """The least and about the greatest value that a network is fed: of an image, or of log-mels of full scale."""
    if features.scaling == "image":
        return 0.0, IMAGE_MAXIMUM
    return features.log_floor, features.log_floor + _FULL_SCALE_DB / features.decibels_per_unit
