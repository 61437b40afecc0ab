"""A linear probe: one logistic regression per class on clips' mean embeddings, which the store keeps.

scikit-learn's solver finds the one optimum that there is, in a second for a hundred clips; steps over windows would
only come near it.
"""

import logging

import keras
import numpy as np
import numpy.typing as npt

from fat2019.config.model import ModelConfig
from fat2019.models.embedding import embed_store
from fat2019.models.pretrained import PretrainedNetwork
from fat2019.scoring.metrics import lwlrap
from fat2019.store.reader import FeatureStore

log = logging.getLogger(__name__)

_INVERSE_REGULARISATION = 1.0  # scikit-learn's default; 0.1 to 10 differ little on everyday sounds
_NEVER_LOGIT = -10.0  # of a class that no clip has


def fit_probe(
    model: keras.Model,
    config: ModelConfig,
    store: FeatureStore,
    clips: npt.NDArray[np.int64],
    labels: npt.NDArray[np.float32],
) -> dict[str, float]:
    """Fit the scores of a network with the head ``linear`` on a frozen backbone.

    Embeddings that are in the store are used; others are computed and written there first.

    Args:
        model: the network, whose layer ``scores`` is set.
        config: of the network.
        store: the features.
        clips: indices into ``store.clips``, ``(clips,)``.
        labels: ``(clips, classes)`` in 0..1; from one half on a clip counts as one of the class.

    Returns:
        Loss and LWLRAP on the training clips, by the names that Keras gives them.

    Raises:
        DataError: the embeddings cannot be computed, read or written.
    """
    means = _mean_embeddings(store, config, clips)  # (clips, size)
    truth = labels >= 0.5
    kernel = np.zeros((means.shape[1], truth.shape[1]), np.float32)
    bias = np.full(truth.shape[1], _NEVER_LOGIT, np.float32)
    for index, has_class in enumerate(truth.T):
        if has_class.any() and not has_class.all():
            kernel[:, index], bias[index] = _regression(means, has_class)
        elif has_class.all():
            bias[index] = -_NEVER_LOGIT
    model.get_layer("scores").set_weights([kernel, bias])
    logits = means @ kernel + bias
    loss = np.logaddexp(0, np.where(truth, -logits, logits)).mean()
    return {"loss": float(loss), "lwlrap": lwlrap(truth, logits)}


def _mean_embeddings(store: FeatureStore, config: ModelConfig, clips: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """``(clips, size)``."""
    summary = embed_store(store, PretrainedNetwork(config.name, config.weights))
    if summary.shards_embedded:
        log.info("%s: %d embeddings in %.1f s", summary.folder, summary.tiles, summary.seconds)
    embeddings = store.embeddings(config.name)
    return np.stack([embeddings[int(clip)].mean(axis=0, dtype=np.float32) for clip in clips])


def _regression(
    means: npt.NDArray[np.float32], has_class: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float32], float]:
    """Coefficients ``(size,)`` and intercept."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000).fit(means, has_class)
    return fitted.coef_[0], float(fitted.intercept_[0])
