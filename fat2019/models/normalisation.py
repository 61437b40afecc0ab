"""Batch normalisation that suits small data sets and CPUs."""

from typing import Any

import keras
import tensorflow as tf

# Of the moving statistics. Keras's 0.99 needs some 500 steps to forget where they began, and until then a network that
# has learnt scores like one that has not; a thousand clips make 16 steps an epoch.
MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="fat2019")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer over the last axis of images, trained by TensorFlow's fused kernel.

    Keras computes means, variances and the result one by one; fused they take a fraction of the time on a CPU, and a
    training step of the compact network a fifth less.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Images ``(batch, height, width, channels)`` -> the same shape."""
        if not training or not self.trainable or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        values = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (values - 1) / values  # the kernel gives the estimate for all images, Keras that of these
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs


def set_momentum(model: keras.Model, momentum: float) -> None:
    """Set how slowly the moving statistics of a network's batch normalisation follow those of the batches."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
