"""The losses, each against a slow version, and what they look at."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from fat2019.errors import DataError
from fat2019.models.losses import TaggingLoss
from tests.oracles import losses as oracle

CLASSES = 4
shares = st.lists(st.floats(0, 1), min_size=CLASSES, max_size=CLASSES)
probabilities = st.lists(st.floats(0.01, 0.99), min_size=CLASSES, max_size=CLASSES)


def loss_of(labels, scores, **options):
    """Of each window."""
    return TaggingLoss(**options, reduction=None)(np.float32(labels), np.float32(scores)).numpy()


@settings(max_examples=50)
@given(shares, probabilities, st.sampled_from([0.0, 0.5, 2.0]))
def test_cross_entropy_is_that_of_the_slow_version_with_focal_weights_or_without(labels, scores, gamma):
    expected = oracle.cross_entropy(labels, scores, gamma)
    np.testing.assert_allclose(loss_of([labels], [scores], focal_gamma=gamma), [expected], rtol=1e-4, atol=1e-6)


@settings(max_examples=50)
@given(shares, probabilities)
def test_lsep_is_that_of_the_slow_version(labels, scores):
    np.testing.assert_allclose(
        loss_of([labels], [scores], kind="lsep"), [oracle.lsep(labels, scores)], rtol=1e-3, atol=1e-4
    )


@settings(max_examples=30)
@given(shares, probabilities, st.floats(0, 0.5), st.floats(0, 0.5))
def test_labels_are_smoothed_and_then_bootstrapped(labels, scores, smoothing, bootstrap):
    softened = oracle.softened(labels, scores, smoothing, bootstrap)
    ours = loss_of([labels], [scores], label_smoothing=smoothing, bootstrap=bootstrap)
    np.testing.assert_allclose(ours, [oracle.cross_entropy(softened, scores)], rtol=1e-4)


def test_without_variations_it_is_keras_binary_cross_entropy():
    labels, scores = np.eye(3, 5, dtype=np.float32), np.random.default_rng(0).uniform(0, 1, (3, 5)).astype(np.float32)
    np.testing.assert_allclose(
        TaggingLoss()(labels, scores), keras.losses.BinaryCrossentropy()(labels, scores), rtol=1e-5
    )


def test_the_networks_own_opinion_is_taken_as_it_is_and_not_trained_towards_the_label():
    """The gradient of bootstrapped cross-entropy with a sigmoid is (1 - share) (p - label): nothing from the target."""
    logit, label, share = tf.Variable([[0.3, -1.2]]), np.float32([[1, 0]]), 0.4
    with tf.GradientTape() as tape:
        loss = TaggingLoss(bootstrap=share)(label, tf.sigmoid(logit))
    expected = (1 - share) * (tf.sigmoid(logit).numpy() - label) / 2
    np.testing.assert_allclose(tape.gradient(loss, logit), expected, rtol=1e-4)


@pytest.mark.parametrize("kind", ["cross-entropy", "lsep"])
def test_certain_and_wrong_scores_have_a_finite_loss_and_gradient(kind):
    scores = tf.Variable([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        loss = TaggingLoss(kind)(np.float32([[1, 0]]), scores)
    assert np.isfinite(loss.numpy()) and np.isfinite(tape.gradient(loss, scores).numpy()).all()


def test_a_saved_network_is_trained_on_with_the_same_loss(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="sigmoid")])
    model.compile("sgd", loss=TaggingLoss(focal_gamma=1.5, label_smoothing=0.1, bootstrap=0.2))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == model.loss.get_config()
    assert loaded.loss.get_config()["focal_gamma"] == 1.5


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "hinge"},
        {"focal_gamma": -1},
        {"kind": "lsep", "focal_gamma": 1},
        {"label_smoothing": 1},
        {"bootstrap": -0.1},
    ],
)
def test_what_is_out_of_range_is_refused(options):
    with pytest.raises(DataError, match="expected"):
        TaggingLoss(**options)
