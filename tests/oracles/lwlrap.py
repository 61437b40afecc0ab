"""LWLRAP written down twice, slowly: from its definition, and as the competition's evaluation computes it."""

import numpy as np


def lwlrap_by_definition(truth, scores):
    """The mean over all labels of the precision at that label; a tied class ranks before the label."""
    precisions = []
    for clip_truth, clip_scores in zip(truth, scores, strict=True):
        labels = [c for c, true in enumerate(clip_truth) if true]
        for label in labels:
            retrieved = [c for c, score in enumerate(clip_scores) if score >= clip_scores[label]]
            precisions.append(len([c for c in retrieved if c in labels]) / len(retrieved))
    return sum(precisions) / len(precisions)


def lwlrap_of_the_competition(truth, scores):
    """Per-class precisions weighted by the classes' share of labels; ties fall in arbitrary order.

    Returns:
        per_class (classes,), weight (classes,): their scalar product is the score.
    """
    clips, classes = scores.shape
    precision = np.zeros((clips, classes))
    for clip in range(clips):
        ranking = np.argsort(scores[clip])[::-1]
        found = 0
        for place, label in enumerate(ranking, start=1):
            if truth[clip, label] > 0:
                found += 1
                precision[clip, label] = found / place
    labels = (truth > 0).sum(axis=0)
    return precision.sum(axis=0) / np.maximum(1, labels), labels / labels.sum()
