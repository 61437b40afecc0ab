"""The embeddings of a store's clips, written once: what they are, what they resume from, and how damage is found."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from fat2019.cli import main
from fat2019.errors import DataError
from fat2019.models.embedding import embed_store
from fat2019.models.pretrained import PretrainedNetwork
from fat2019.store.embeddings import NAME, with_clips
from fat2019.store.reader import FeatureStore
from fat2019.store.verify import verify
from tests.oracles import yamnet as oracle


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "yamnet.h5"
    oracle.write_as_google_does(path, oracle.random_weights(np.random.default_rng(3)))
    return path


@pytest.fixture(scope="module")
def network(weights):
    return PretrainedNetwork("yamnet", str(weights))


@pytest.fixture(scope="module")
def embedded(open_store, network, tmp_path_factory):
    """A store with embeddings, which no test changes."""
    path = tmp_path_factory.mktemp("embedded") / "store"
    shutil.copytree(open_store("float16", "yamnet").path, path)
    store = FeatureStore.open(path)
    shown = []
    summary = embed_store(store, network, lambda done, total: shown.append((done, total)))
    assert shown[-1] == (len(store.clips), len(store.clips)) and summary.clips == len(store.clips)
    assert (summary.shards_embedded, summary.shards_kept) == (len(with_clips(store.manifest)), 0)
    return store


@pytest.fixture
def copy(embedded, tmp_path):
    """A store with embeddings, to be changed."""
    shutil.copytree(embedded.path, tmp_path / "store")
    return FeatureStore.open(tmp_path / "store")


def some_file(store):
    return sorted((store.path / "embeddings-yamnet").glob("*.npy"))[0]


def content(store):
    return {path.name: path.read_bytes() for path in (store.path / "embeddings-yamnet").iterdir()}


def test_every_tile_of_every_clip_has_the_embedding_that_the_network_gives_it(embedded, network):
    found = embedded.embeddings("yamnet")
    assert len(found) == len(embedded.clips)
    for clip, fname in enumerate(embedded.clips["fname"]):
        log_mel = embedded.log_mel(fname)
        last = len(log_mel) - 96
        patches = np.stack([log_mel[start : start + 96] for start in [*range(0, last, 48), last]])
        assert found[clip].dtype == np.float16
        np.testing.assert_allclose(found[clip], network.embed(patches), rtol=2e-3, atol=1e-3)
    assert found[-1].shape == found[len(found) - 1].shape
    assert verify(embedded.path, deep=True) == []


def test_what_was_interrupted_resumes_at_the_shard_and_ends_with_the_same_bytes(embedded, network, tmp_path):
    shutil.copytree(embedded.path, tmp_path / "store", ignore=shutil.ignore_patterns("embeddings-*"))
    store = FeatureStore.open(tmp_path / "store")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_store(store, network, stop)
    before = some_file(store).stat()
    with pytest.raises(DataError, match=r"is not embedded yet: run `fat2019 embed` again"):
        store.embeddings("yamnet")
    summary = embed_store(store, network)
    assert summary.shards_kept == 1 and some_file(store).stat().st_ino == before.st_ino
    assert content(store) == content(embedded)


def test_nothing_is_done_twice_unless_the_weights_are_others(copy, network, weights, tmp_path):
    assert embed_store(copy, network).shards_embedded == 0
    oracle.write_as_google_does(tmp_path / "other.h5", oracle.random_weights(np.random.default_rng(4)))
    assert embed_store(copy, PretrainedNetwork("yamnet", str(tmp_path / "other.h5"))).shards_kept == 0


def test_a_byte_flipped_anywhere_in_a_file_is_found_by_verify_and_when_it_is_read(copy, network):
    path = some_file(copy)
    good = path.read_bytes()
    for position in np.linspace(0, len(good) - 1, 12).astype(int):
        damaged = bytearray(good)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        [problem] = verify(copy.path)
        assert problem.shard == path.stem and str(path) in problem.message
        if position >= 128:  # of the array, and not of how NumPy describes it
            with pytest.raises(DataError, match="damaged: the checksum of"):
                copy.embeddings("yamnet")
    assert embed_store(copy, network).shards_embedded == 1
    assert path.read_bytes() == good and verify(copy.path) == []


def test_a_missing_file_a_foreign_one_and_an_edited_manifest_are_found(copy):
    path = some_file(copy)
    manifest = path.with_name(NAME)
    path.rename(path.with_name("foreign.npy"))
    assert [str(problem.message).split(": ")[1] for problem in verify(copy.path)] == [
        "cannot be read",
        "not part of the embeddings",
    ]
    manifest.write_text(manifest.read_text().replace('"hop_frames":48', '"hop_frames":96'))
    [problem] = verify(copy.path)
    assert "damaged or edited" in problem.message
    with pytest.raises(DataError, match="damaged or edited"):
        copy.embeddings("yamnet")


def test_a_shard_that_was_changed_since_is_told_and_embedded_anew(copy, network):
    first, *others = copy.manifest.shards
    changed = FeatureStore(
        copy.path, dataclasses.replace(copy.manifest, shards=(dataclasses.replace(first, key="0" * 64), *others))
    )
    with pytest.raises(DataError, match="was embedded before the store was changed"):
        changed.embeddings("yamnet")


def test_a_store_without_embeddings_says_how_they_are_made(store):
    with pytest.raises(DataError, match="no embeddings by yamnet: make them with `fat2019 embed"):
        store.embeddings("yamnet")


def test_a_store_of_other_features_is_refused(store, network):
    with pytest.raises(DataError, match="build-features --config yamnet"):
        embed_store(store, network)
    assert not list(store.path.glob("embeddings-*"))


def test_the_command_says_what_it_did(copy, weights, monkeypatch):
    monkeypatch.setenv("FAT2019_CACHE", str(weights.parent))
    result = json.loads(CliRunner().invoke(main, ["embed", str(copy.path), "--json"]).stdout)
    assert result["clips"] == len(copy.clips) and result["tiles"] == len(copy.embeddings("yamnet").embedding)
    assert (result["shards_embedded"], result["shards_kept"]) == (0, len(with_clips(copy.manifest)))
