"""Every recipe's network and feed, for two steps."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fat2019.config.features import FeatureConfig
from fat2019.config.recipes import RECIPES
from fat2019.data.data_set import find_data_set
from fat2019.feed.training import TrainingFeed
from fat2019.models.networks import build, set_trainable
from fat2019.store.building.builder import build_features
from fat2019.store.reader import FeatureStore


@pytest.fixture(scope="module")
def small_images(tiny_data, tmp_path_factory):
    """The tiny store, with windows of 32x32: the least that the backbones take."""
    config = FeatureConfig(mel_bands=32, window_samples=1024 + 31 * 512)
    path = tmp_path_factory.mktemp("small_images") / "store"
    build_features(find_data_set(tiny_data), path, config, workers=1)
    return FeatureStore.open(path)


def network_of(recipe):
    """What makes two recipes have one network, whatever is trained of it."""
    model = recipe.config.model
    return model.name, model.head, model.kernel_size


BY_NETWORK = [list(group) for _, group in itertools.groupby(sorted(RECIPES.values(), key=network_of), network_of)]


@pytest.mark.parametrize("recipes", BY_NETWORK, ids=lambda recipes: "-".join(map(str, network_of(recipes[0]))))
def test_every_recipe_builds_and_trains_two_steps(small_images, recipes):
    """Each network once, with each part of it trained that a stage trains."""
    store = small_images
    config = dataclasses.replace(recipes[0].config.model, weights="none", known_classes=0, level_windows=False)
    model = build(config, len(store.vocabulary), (store.config.window_frames, store.config.mel_bands))
    for stage in {stage.trainable: stage for recipe in recipes for stage in recipe.config.stages}.values():
        set_trainable(model, dataclasses.replace(config, trainable=stage.trainable))
        before = [variable.numpy() for variable in model.weights]
        # Adam would take most of the time for its variables; unbounded steps overflow in a network without weights.
        optimizer = keras.optimizers.SGD(stage.learning_rate, clipvalue=1e-2)
        for images, labels in batches(store, stage.splits, stage.feed):
            take_a_step(model, optimizer, images, labels)
        assert all(np.isfinite(variable.numpy()).all() for variable in model.weights)
        trained = {id(variable) for variable in model.trainable_weights}
        moved = [
            id(variable) in trained
            for variable, value in zip(model.weights, before, strict=True)
            if variable.trainable and not np.array_equal(variable.numpy(), value)
        ]
        assert moved and all(moved)


FEEDS = sorted({(stage.splits, stage.feed) for recipe in RECIPES.values() for stage in recipe.config.stages}, key=str)


@pytest.mark.parametrize(("splits", "feed"), FEEDS, ids=str)
def test_every_feed_of_a_recipe_gives_batches(small_images, splits, feed):
    for images, labels in batches(small_images, splits, feed):
        assert images.shape == (2, 32, 32, 1) and np.isfinite(images.numpy()).all()
        assert labels.shape == (2, 5) and (labels.numpy().sum(axis=1) >= 0.99).all()


def batches(store, splits, feed):
    clips = np.flatnonzero(store.clips["split"].isin(splits))
    return TrainingFeed(store, clips, dataclasses.replace(feed, batch_windows=2)).dataset().take(2)


def take_a_step(model, optimizer, images, labels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.binary_crossentropy(labels, model(images, training=True)))
    gradients = tape.gradient(loss, model.trainable_weights)
    optimizer.apply(gradients, model.trainable_weights)
