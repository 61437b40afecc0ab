"""Embeddings beside the shards that they were made of: damage, loss and age are found."""

import dataclasses

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.store.embeddings import (
    NAME,
    EmbeddingManifest,
    add_shard,
    embeddings_folder,
    problems,
    read_embedding_manifest,
    read_embeddings,
    what_is_wrong,
    with_clips,
    write_embedding_manifest,
)
from fat2019.store.reader import FeatureStore
from tests.builds import build
from tests.faults.sounds import write_sounds

SIZE = 5


@pytest.fixture
def store(tmp_path):
    """A store with made-up embeddings of as many tiles as a clip has letters."""
    build(write_sounds(tmp_path / "sounds", curated=6, noisy=2), tmp_path / "store")
    opened = FeatureStore.open(tmp_path / "store")
    folder = embeddings_folder(opened.path, "made-up")
    folder.mkdir()
    manifest = EmbeddingManifest("made-up", "a" * 64, 48, SIZE)
    write_embedding_manifest(folder, manifest)
    for shard in with_clips(opened.manifest):
        manifest = add_shard(folder, manifest, shard, [embedding(fname) for fname in shard.clips.fname])
    return opened


def embedding(fname):
    tiles = 1 + int(fname[1:4]) % 3
    return np.random.default_rng(list(fname.encode())).normal(size=(tiles, SIZE)).astype(np.float16)


def said(store):
    return [message for _, message in problems(store.path, store.manifest)]


def refusal(store):
    with pytest.raises(DataError) as caught:
        read_embeddings(store.path, store.manifest, "made-up")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def some_file(store):
    return sorted(embeddings_folder(store.path, "made-up").glob("*.npy"))[0]


def test_every_clip_gets_its_own_back_in_the_stores_order(store):
    found = read_embeddings(store.path, store.manifest, "made-up")
    assert len(found) == len(store.clips) and found.embedding.dtype == np.float16
    for clip, fname in enumerate(store.clips["fname"]):
        np.testing.assert_array_equal(found[clip], embedding(fname))
    assert said(store) == []


def test_a_flipped_byte_is_found_wherever_it_is(store):
    path = some_file(store)
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[position] ^= 4
        path.write_bytes(damaged)
        [message] = said(store)
        assert message.startswith(f"{path}: its SHA-256 is not that of the manifest")
    path.write_bytes(good[:-1])
    assert refusal(store).startswith(f"{path}: damaged")


def test_an_edited_manifest_one_of_another_kind_and_a_missing_one_are_told_apart(store):
    path = embeddings_folder(store.path, "made-up") / NAME
    good = path.read_text()
    for text, words in (
        (good.replace('"hop_frames":48', '"hop_frames":49'), "damaged or edited"),
        ("[" * 100_000, "not the manifest of embeddings"),
        ("{}", "not the manifest of embeddings"),
    ):
        path.write_text(text)
        assert words in refusal(store)
        assert len(said(store)) == 1
    path.unlink()
    assert "cannot be read: No such file" in refusal(store)


def test_a_file_of_another_name_in_the_manifest_is_refused(store):
    folder = embeddings_folder(store.path, "made-up")
    manifest = read_embedding_manifest(folder)
    name, record = next(iter(manifest.shards.items()))
    file = type(record.file)("../elsewhere.npy", record.file.bytes, record.file.sha256)
    moved = type(record)(record.key, file, record.tiles, record.crc32c)
    write_embedding_manifest(folder, type(manifest)("made-up", "a" * 64, 48, SIZE, {**manifest.shards, name: moved}))
    assert "is not a file of" in refusal(store)


def test_what_is_missing_outdated_and_not_of_them_is_named_with_the_command_that_mends_it(store):
    first, *others = with_clips(store.manifest)
    changed = dataclasses.replace(first, key="0" * 64)
    manifest = dataclasses.replace(store.manifest, shards=(changed, *others))
    newer = FeatureStore(store.path, manifest)
    assert "was embedded before the store was changed: run `fat2019 embed` again" in refusal(newer)
    path = some_file(store)
    path.rename(path.with_name("foreign.npy"))
    missing, foreign = said(store)
    assert missing.startswith(f"{path}: cannot be read") and "not part of the embeddings" in foreign


def test_a_shard_that_is_not_embedded_yet_is_told(store):
    folder = embeddings_folder(store.path, "made-up")
    empty = EmbeddingManifest("made-up", "a" * 64, 48, SIZE)
    write_embedding_manifest(folder, empty)
    shard = with_clips(store.manifest)[0]
    assert f"{shard.name} is not embedded yet" in (what_is_wrong(folder, empty, shard) or "")
    assert f"{shard.name} is not embedded yet" in refusal(store)


def test_a_store_without_embeddings_says_how_they_are_made(store):
    with pytest.raises(DataError, match="no embeddings by other: make them with `fat2019 embed"):
        read_embeddings(store.path, store.manifest, "other")
