"""YAMNet from its published definition, op by op: no outside layer, no framing, no fused kernel of ours."""

import h5py
import tensorflow as tf


def log_mel(waveform):
    """float32 ``(samples,)`` in -1..1 -> ``(frames, 64)``."""
    magnitudes = tf.abs(tf.signal.stft(waveform, 400, 160, 512))  # (frames, 257)
    filters = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0)
    return tf.math.log(tf.matmul(magnitudes, filters) + 0.001).numpy()


STRIDES_AND_CHANNELS = (
    [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)] + 5 * [(1, 512)] + [(2, 1024), (1, 1024)]
)


def random_weights(rng, classes=521):
    """Arrays in the network's order, as ``(layer, array, values)``, with statistics unlike a fresh network's."""
    arrays = []

    def convolution(layer, name, *shape, channels):
        fan_in = shape[0] * shape[1] * (shape[2] if name == "kernel" else 1)
        arrays.append((layer, name, rng.normal(0, (2 / fan_in) ** 0.5, shape)))
        arrays.append((f"{layer}/bn", "beta", rng.normal(0.1, 0.2, channels)))
        arrays.append((f"{layer}/bn", "moving_mean", rng.normal(0, 0.2, channels)))
        arrays.append((f"{layer}/bn", "moving_variance", rng.uniform(0.5, 1.5, channels)))

    convolution("layer1/conv", "kernel", 3, 3, 1, 32, channels=32)
    before = 32
    for stage, (_, channels) in enumerate(STRIDES_AND_CHANNELS, start=2):
        convolution(f"layer{stage}/depthwise_conv", "depthwise_kernel", 3, 3, before, 1, channels=before)
        convolution(f"layer{stage}/pointwise_conv", "kernel", 1, 1, before, channels, channels=channels)
        before = channels
    arrays.append(("dense", "kernel", rng.normal(0, 0.05, (before, classes))))
    arrays.append(("dense", "bias", rng.normal(0, 0.5, classes)))
    return [(layer, name, values.astype("float32")) for layer, name, values in arrays]


def write_as_google_does(path, arrays):
    """The older layout of Keras's HDF5: a group a layer, in which arrays are named by their layers once more."""
    layers = list(dict.fromkeys(layer for layer, _, _ in arrays))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer)
            of_layer = [(f"{layer}/{name}:0", values) for where, name, values in arrays if where == layer]
            group.attrs["weight_names"] = [name.encode() for name, _ in of_layer]
            for name, values in of_layer:
                group.create_dataset(name, data=values)


def embedding_and_scores(patches, arrays):
    """``(batch, frames, 64)`` -> ``(batch, 1024)``, ``(batch, classes)``."""
    left = iter(values for _, _, values in arrays)

    def normalised(features):
        beta, mean, variance = next(left), next(left), next(left)
        return tf.nn.relu((features - mean) / tf.sqrt(variance + 1e-4) + beta)

    features = normalised(tf.nn.conv2d(patches[..., None], next(left), 2, "SAME"))
    for stride, _ in STRIDES_AND_CHANNELS:
        depthwise = tf.nn.depthwise_conv2d(features, next(left), [1, stride, stride, 1], "SAME")
        features = normalised(depthwise)
        features = normalised(tf.nn.conv2d(features, next(left), 1, "SAME"))
    embedding = tf.reduce_mean(features, axis=[1, 2])
    return embedding.numpy(), tf.sigmoid(embedding @ next(left) + next(left)).numpy()
