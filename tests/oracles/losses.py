"""The losses of one window, class by class in plain Python."""

import math


def cross_entropy(labels, probabilities, gamma=0.0):
    total = 0.0
    for label, p in zip(labels, probabilities, strict=True):
        total -= label * (1 - p) ** gamma * math.log(p) + (1 - label) * p**gamma * math.log(1 - p)
    return total / len(labels)


def lsep(labels, probabilities):
    """Over all pairs of classes: how far the one that is false lies above the one that is true."""
    logits = [math.log(p / (1 - p)) for p in probabilities]
    pairs = (
        (1 - labels[i]) * labels[j] * math.exp(logits[i] - logits[j])
        for i in range(len(labels))
        for j in range(len(labels))
    )
    return math.log(1 + sum(pairs))


def softened(labels, probabilities, smoothing, bootstrap):
    smooth = [label * (1 - smoothing) + 0.5 * smoothing for label in labels]
    return [(1 - bootstrap) * label + bootstrap * p for label, p in zip(smooth, probabilities, strict=True)]
