"""Run folders of tiny networks, finished without training: what reads runs can be tested in little time."""

import csv
import functools
import json
import tempfile
from pathlib import Path

import keras
import numpy as np

from fat2019.config.features import FeatureConfig, to_json
from fat2019.config.training import TrainConfig
from fat2019.runs.checksums import sha256_of, write_checksums
from fat2019.runs.configuration import write_config
from fat2019.runs.graph import GRAPH_NAME, write_graph
from fat2019.runs.run import Run
from fat2019.utils.files import write_json


def make_run(
    path, store, *, seed=0, config=None, validation=(), split="curated", vocabulary=None, epochs=2, stated=False
):
    """A run whose network is one random dense layer, validated on the clips of these numbers.

    Unless it is to be ``stated``, with the checksums and the graph of today's runs, it is as version 0.1 left it.
    """
    path.mkdir(parents=True, exist_ok=True)
    config = config or TrainConfig(seed=seed)
    names = list(vocabulary or store.vocabulary.names)
    network = _saved(store.config.window_frames, store.config.mel_bands, len(names), seed)
    for name in ("model", *(f"stage-{number}" for number in range(1, len(config.stages)))):
        (path / f"{name}.keras").write_bytes(network)
    write_json(
        path / "config.json",
        {
            "train": config.to_plain(),
            "vocabulary": names,
            "store": str(store.path),
            "features": {"digest": store.config.digest(), "config": json.loads(to_json(store.config))},
        },
    )
    with (path / "split.csv").open("w", newline="") as file:
        rows = [(store.clips["fname"][clip], split, "validation") for clip in validation]
        csv.writer(file, lineterminator="\n").writerows([("fname", "split", "part"), *rows])
    history = [
        f"{stage + 1},{epoch + 1},0.5,{0.2 + 0.01 * epoch},0.5,{0.1 + 0.001 * seed + 0.01 * epoch},1.0"
        for stage in range(len(config.stages))
        for epoch in range(epochs)
    ]
    (path / "history.csv").write_text(
        "\n".join(["stage,epoch,loss,lwlrap,val_loss,val_lwlrap,seconds", *history]) + "\n"
    )
    write_json(
        path / "metrics.json",
        {
            "validation": {"lwlrap": 0.25},
            "parameters": {"total": 100 + seed, "trainable": 90, "frozen": 10},
            "epochs": len(history),
            "seconds": 12.0,
        },
    )
    return state_files(path, store) if stated else Run.open(path)


def state_files(path, store=None):
    """Give a finished run of an older version what those of today have beside it."""
    config = json.loads((path / "config.json").read_text())
    if store is not None:
        run = Run.open(path)
        config["sounds_sha256"] = store.content_key(set(run.partition()["split"]))
    write_config(path, config)
    model = keras.models.load_model(path / "model.keras", compile=False)
    assert write_graph(model, FeatureConfig(), path / GRAPH_NAME)
    shapes = {"input": list(model.input_shape[1:]), "output": list(model.output_shape[1:])}
    write_checksums(path, shapes, {"metrics.json": sha256_of(path / "metrics.json")})
    return Run.open(path)


def as_version_0_1(path):
    """Take from a run what version 0.1 did not write."""
    config = json.loads((path / "config.json").read_text())
    for name in ("format", "sha256", "weights_sha256"):
        config.pop(name, None)
    (path / "config.json").write_text(json.dumps(config))
    for name in ("checksums.json", GRAPH_NAME):
        (path / name).unlink(missing_ok=True)
    return config


@functools.cache
def _saved(frames, bands, classes, seed):
    """The file of such a network: to build and save it takes most of a run's time, and tests make many alike."""
    with tempfile.TemporaryDirectory() as folder:
        tiny_network(frames, bands, classes, seed).save(Path(folder) / "model.keras")
        return (Path(folder) / "model.keras").read_bytes()


def tiny_network(frames, bands, classes, seed=0):
    """Images of a store -> probabilities of the classes."""
    image = keras.Input((frames, bands, 1))
    mean = keras.layers.Rescaling(1 / 255)(
        keras.layers.GlobalAveragePooling2D()(keras.layers.Permute((1, 3, 2))(image))
    )  # (mels,)
    random = np.random.default_rng(seed)
    dense = keras.layers.Dense(classes, activation="sigmoid")
    model = keras.Model(image, dense(mean))
    dense.set_weights([random.normal(size=weights.shape) for weights in dense.get_weights()])
    return model
