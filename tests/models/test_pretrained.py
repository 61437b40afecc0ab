"""A pretrained network as its makers use it, with random weights."""

import numpy as np
import pytest

from fat2019.config.features import NAMED
from fat2019.errors import DataError
from fat2019.models import pretrained, weights
from fat2019.models.pretrained import PRETRAINED, PretrainedNetwork
from tests.oracles import yamnet as oracle


@pytest.fixture(scope="module")
def network(yamnet_weights):
    return PretrainedNetwork("yamnet", str(yamnet_weights))


def test_it_says_what_it_is_fed(network):
    assert PRETRAINED == tuple(weights.PRETRAINED) == ("yamnet",)
    assert (network.features, network.hop_frames, network.embedding_size) == (NAMED["yamnet"], 48, 1024)


@pytest.mark.parametrize("count", [0, 1, 70])  # more than are computed at once
def test_every_patch_has_an_embedding_and_scores(network, yamnet_arrays, count):
    patches = np.random.default_rng(count).normal(-3, 2, (count, 96, 64)).astype(np.float16)
    embeddings, scores = network.embed(patches), network.score(patches)
    assert (embeddings.shape, scores.shape) == ((count, 1024), (count, 521))
    if count:
        expected, expected_scores = oracle.embedding_and_scores(patches.astype(np.float32), yamnet_arrays)
        np.testing.assert_allclose(embeddings, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(scores, expected_scores, atol=1e-4)


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="expected one of yamnet, received 'resnet50'"):
        PretrainedNetwork("resnet50")


def test_many_batches_at_once_come_in_order_and_with_the_values_of_one_alone(network, monkeypatch):
    monkeypatch.setattr(pretrained, "_PATCHES_AT_ONCE", 3)
    patches = np.random.default_rng(0).normal(-3, 2, (20, 96, 64)).astype(np.float16)
    together = network.embed(patches), network.score(patches)
    for row in (0, 2, 3, 19):
        np.testing.assert_allclose(together[0][row], network.embed(patches[row : row + 1])[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(together[1][row], network.score(patches[row : row + 1])[0], atol=1e-5)


def test_what_is_not_wanted_any_more_is_not_computed(network, monkeypatch):
    monkeypatch.setattr(pretrained, "_PATCHES_AT_ONCE", 1)
    monkeypatch.setattr(pretrained, "cores", lambda: 1)
    done, run = [], type(network)._run
    monkeypatch.setattr(type(network), "_run", lambda self, batch: (done.append(1), run(self, batch))[1])
    batches = network._batches(np.zeros((200, 96, 64), np.float32))
    next(batches)
    batches.close()
    assert len(done) < 100
