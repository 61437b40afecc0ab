"""Trains the same run twice, once in peace and once killed again and again; prints where it was killed, as JSON.

A program of its own, since a process must not fork once TensorFlow computes: it only loads it, and forks for each
sitting, which saves loading it for each.

    python -m tests.interrupted_training STORE FOLDER
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import keras

from fat2019.config.feed import FeedConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.store.reader import FeatureStore
from fat2019.training import trainer as training
from fat2019.training.trainer import train

FEED = FeedConfig(batch_windows=8)
CONFIG = TrainConfig(
    stages=(
        Stage(("noisy",), epochs=5, validate_on="noisy", schedule="cosine", learning_rate=3e-3, feed=FEED),
        Stage(("curated", "noisy"), epochs=5, learning_rate=3e-3, feed=FEED, judge_noisy=True),
    )
)


def tiny_network(config, classes, input_shape, names=(), dropout=0.3):
    """With all that has a state: weights, moving averages, dropout. TensorFlow prepares it in less time."""
    layers = keras.layers
    features = image = keras.Input((*input_shape, 1))
    for layer in (layers.AveragePooling2D(20), layers.Flatten(), layers.BatchNormalization(), layers.Dropout(dropout)):
        features = layer(features)
    scores = layers.Dense(classes, activation="sigmoid", dtype="float32")(features)
    return keras.Model(image, scores, name=config.name)


def main(store, folder):
    training.build = tiny_network
    in_peace = begin(store, folder / "in-peace")
    killed_at = [
        kill_when(when, begin(store, folder / "killed"), folder / "killed")
        for when in (
            lambda run: (run / "config.json").exists(),
            lambda run: finished(run) >= (0, 1) and any((run / "state").glob(".unfinished-*.keras")),
            lambda run: finished(run) >= (0, 3),
            lambda run: finished(run) >= (1, 0),
            lambda run: finished(run) >= (1, 2) and any((run / "state").glob(".unfinished-*.keras")),
            lambda run: finished(run) >= (1, 4) and waited(0.05),
        )
    ]
    last = os.waitpid(begin(store, folder / "killed"), 0)[1]
    print(json.dumps({"killed_at": killed_at, "exits": [os.waitpid(in_peace, 0)[1], last]}))


def begin(store, path):
    child = os.fork()
    if not child:
        try:
            train(FeatureStore.open(store), CONFIG, path)
        finally:
            os._exit(int(sys.exc_info()[0] is not None))
    return child


def kill_when(when, child, run):
    while not when(run):
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise RuntimeError("the training ended before it could be killed")
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return finished(run)


def finished(run):
    """(finished stages, finished epochs of the next)"""
    try:
        state = json.loads((run / "state" / "state.json").read_text())
    except FileNotFoundError:
        return 0, 0
    return state["stage"], state["epoch"]


def waited(seconds):
    time.sleep(seconds)
    return True


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
