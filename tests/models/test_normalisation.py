"""Fused batch normalisation against Keras's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fat2019.models.normalisation import FusedBatchNormalization


@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_normalisation_is_keras_own_in_values_gradients_and_statistics(training):
    images = np.random.default_rng(5).normal(3, 2, (4, 5, 6, 3)).astype(np.float32)
    results = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = kind(momentum=0.8)
        layer.build(images.shape)
        layer.set_weights([np.float32([1, 2, 3]), np.float32([0, 1, 0]), np.float32([2, 3, 4]), np.float32([1, 4, 9])])
        with tf.GradientTape() as tape:
            inputs = tf.constant(images)
            tape.watch(inputs)
            outputs = layer(inputs, training=training)
            loss = tf.reduce_sum(outputs**3)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_weights])
        results.append([outputs, *gradients, *layer.get_weights()])
    for ours, keras_own in zip(*reversed(results), strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=2e-3, atol=2e-3)


def test_a_saved_network_names_the_layer_as_it_always_did():
    assert keras.saving.get_registered_name(FusedBatchNormalization) == "fat2019>FusedBatchNormalization"
