"""How fast the networks are trained: windows per second of training steps, beside other ways to the same step.

    python benchmarks/train_step.py [--runs 5] [--json] [--all]

Everyone repeats whole training steps (forward, backward, Adam) on one constant batch of 64 images of 92x80 with 80
classes, in a process of its own: half a second uncounted, then at least a second and a half, or one step where that
takes longer. All in turn make a run; figures are medians over the runs, ratios are of the same run.

- Ours is the network and the step as ``fat2019 train`` makes them, LWLRAP and oneDNN included.
- Keras's plain defaults are the same layers, compiled and fitted with nothing set, in a process where nothing has set
  TensorFlow's variables.
- The PyTorch twin has the same layers, channels last, a thread per core, binary cross-entropy and Adam.

``--all`` adds ResNet50 and MobileNetV2, all layers trained (report, section 6.5) beside Keras's defaults; and for ours
alone with their top trained (6.4) or frozen whole, from which the time of the report's experiments can be worked out.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from timing import BATCH_WINDOWS, Contestant, Draw, InOwnProcess, circumstances, markdown

# Neither TensorFlow nor fat2019 is imported here: each process is to have its own settings.

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_CLASSES = 80
_IMAGE = (92, 80)
_LEARNING_RATE = 3e-4
_BACKBONES = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2"}
_PARTS = {"all": "", "top": ", top trained", "none": ", backbone frozen"}
_COLUMNS = {
    "name": "",
    "windows_per_s": "windows/s",
    "windows_per_s_min": "least",
    "windows_per_s_max": "most",
    "ours_is_faster": "ours is so many times faster",
    "ours_is_faster_min": "least",
    "ours_is_faster_max": "most",
}


def main() -> None:
    arguments = _parse()
    result = circumstances() | {"runs": arguments.runs, "rows": []}
    for model in ("simple", *(_BACKBONES if arguments.all else ())):
        result["rows"] += _compared(model, arguments.runs)
        if model in _BACKBONES:
            result["rows"] += _of_parts(model, arguments.runs)
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        _print(result)


def ours(model: str, trainable: Literal["none", "top", "all"] = "all") -> list[Contestant]:
    """As ``fat2019.training.trainer`` compiles and fits it."""
    import fat2019  # noqa: F401  before TensorFlow, for its settings

    import keras  # isort: skip
    from fat2019.config.model import ModelConfig
    from fat2019.models.keras_metric import LwlrapMetric
    from fat2019.models.losses import TaggingLoss
    from fat2019.models.networks import build, set_trainable

    config = ModelConfig(model, weights="none", trainable=trainable)
    network = build(config, _CLASSES, _IMAGE)
    set_trainable(network, config)
    network.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
        loss=TaggingLoss(),
        metrics=[LwlrapMetric(_CLASSES)],
        jit_compile=False,
    )
    return [Contestant(f"{model}: ours{_PARTS[trainable]}", _keras_steps(network))]


def plain_keras(model: str) -> list[Contestant]:
    """As Keras's own guides would have it."""
    os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)

    import keras
    from keras import layers

    if model == "simple":
        network = keras.Sequential(
            [
                keras.Input((*_IMAGE, 1)),
                layers.Rescaling(1 / 255),
                layers.BatchNormalization(),
                layers.Conv2D(32, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Conv2D(64, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.GlobalAveragePooling2D(),
                layers.BatchNormalization(),
                layers.Dense(128, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(_CLASSES, activation="sigmoid"),
            ]
        )
    else:
        images = keras.Input((*_IMAGE, 1))
        backbone = getattr(keras.applications, _BACKBONES[model])(
            include_top=False, weights=None, input_shape=(*_IMAGE, 3), pooling="avg"
        )
        features = backbone(layers.Concatenate()([images] * 3) / 127.5 - 1)
        features = layers.Dense(256, activation="relu")(features)
        network = keras.Model(images, layers.Dense(_CLASSES, activation="sigmoid")(features))
    network.compile("adam", loss="binary_crossentropy")
    return [Contestant(f"{model}: Keras's plain defaults", _keras_steps(network))]


def torch_twin() -> list[Contestant]:
    """The simple network in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)
    network = nn.Sequential(
        nn.BatchNorm2d(1),
        nn.Conv2d(1, 32, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(32),
        nn.Conv2d(32, 64, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.BatchNorm1d(64),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, _CLASSES),
    ).to(memory_format=torch.channels_last)
    images, labels = _batch()
    channels_first = torch.from_numpy(images / 255).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    target = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(network.parameters(), _LEARNING_RATE)
    loss_of = nn.BCEWithLogitsLoss()  # the sigmoid is in it

    def draw(batches: int) -> int:
        for _ in range(batches):
            optimizer.zero_grad()
            loss_of(network(channels_first), target).backward()
            optimizer.step()
        return batches * BATCH_WINDOWS

    return [Contestant("simple: PyTorch twin", draw)]


def _compared(model: str, runs: int) -> list[dict[str, Any]]:
    """One row a contestant, ours first."""
    makers: list[tuple[Callable[..., Sequence[Contestant]], tuple[Any, ...]]] = [
        (ours, (model,)),
        (plain_keras, (model,)),
    ]
    if model == "simple" and importlib.util.find_spec("torch"):
        makers.append((torch_twin, ()))
    rates = _rates(makers, runs)
    own = next(iter(rates.values()))
    return [_row(name, theirs, own) for name, theirs in rates.items()]


def _of_parts(model: str, runs: int) -> list[dict[str, Any]]:
    """Ours with less of the backbone trained, which has nobody to be compared with."""
    rates = _rates([(ours, (model, part)) for part in ("top", "none")], runs)
    return [{"name": name, **_spread(of_name)} for name, of_name in rates.items()]


def _rates(
    makers: Sequence[tuple[Callable[..., Sequence[Contestant]], tuple[Any, ...]]], runs: int
) -> dict[str, list[float]]:
    """Windows per second in each run, by name, each in a process of its own."""
    rates: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        processes = []
        for make, given in makers:
            processes.append(InOwnProcess(make, *given))
            stack.callback(processes[-1].close)
        for run in range(runs):
            for process in processes:
                name = process.names[0]
                rates.setdefault(name, []).append(process.windows_per_s(0))
                _note(f"run {run + 1} of {runs}: {name}: {rates[name][-1]:,.1f} windows/s")
    return rates


def _row(name: str, rates: Sequence[float], own: Sequence[float]) -> dict[str, Any]:
    ratios = [ours_ / theirs for ours_, theirs in zip(own, rates, strict=True)]
    return {
        "name": name,
        **_spread(rates),
        "ours_is_faster": round(statistics.median(ratios), 2),
        "ours_is_faster_min": round(min(ratios), 2),
        "ours_is_faster_max": round(max(ratios), 2),
    }


def _spread(rates: Sequence[float]) -> dict[str, float]:
    return {
        "windows_per_s": round(statistics.median(rates), 1),
        "windows_per_s_min": round(min(rates), 1),
        "windows_per_s_max": round(max(rates), 1),
    }


def _keras_steps(network: Any) -> Draw:
    """The compiled step of Keras's ``fit``, on an iterator of ``tf.data``."""
    import tensorflow as tf

    network.make_train_function()
    batches_of = iter(tf.data.Dataset.from_tensors(_batch()).repeat())

    def draw(batches: int) -> int:
        for _ in range(batches):
            logs = network.train_function(batches_of)
        float(np.asarray(logs["loss"]))  # the last step is finished when its loss is known
        return batches * BATCH_WINDOWS

    return draw


def _batch() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    images = 255 * rng.random((BATCH_WINDOWS, *_IMAGE, 1), np.float32)
    labels = (rng.random((BATCH_WINDOWS, _CLASSES)) < 1.2 / _CLASSES).astype(np.float32)
    return images, labels


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--all", action="store_true", help="measure ResNet50 and MobileNetV2 as well")
    return parser.parse_args()


def _print(result: dict[str, Any]) -> None:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(
        f"{result['date']}, `{result['command']}`, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, {versions}; medians of {result['runs']} runs.\n"
    )
    print(markdown(_COLUMNS, result["rows"]))


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
