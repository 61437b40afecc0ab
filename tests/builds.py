"""Builds of the sounds of ``tests/faults/sounds.py``, and what became of their shards."""

import re

import pytest

from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from fat2019.store.building.journal import start_journal
from fat2019.store.building.sources import STAMPS_NAME
from fat2019.store.manifest import MANIFEST_NAME, Header, read_manifest
from tests.faults.sounds import A_SHARD, data_set


def build(root, out, *, splits=("curated", "noisy", "test"), config=FeatureConfig(), **options):  # noqa: B008
    options = {"workers": 1, "clips_a_shard": A_SHARD, **options}
    return build_features(data_set(root, splits), out, config, **options)


def refusal(*arguments, **options):
    with pytest.raises(DataError) as caught:
        build(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def shard_of(out, fname):
    return next(shard for shard in read_manifest(out).shards if fname in shard.clips.fname + shard.quarantine.fname)


def stamps(out):
    """What changes when a file is written anew."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in out.iterdir()
        if path.name not in (MANIFEST_NAME, STAMPS_NAME)
    }


def rebuilt(out, before):
    """The shards whose files are not the ones they were."""
    after = stamps(out)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {re.match(r"\w+-\d+-of-\d+", name)[0] for name in changed}


def file_of(out, shard, suffix):
    """The path of one of a shard's files."""
    return next(out / file.name for file in shard.files if file.name.endswith(suffix))


def begin_old_store(out, vocabulary, counts, formats=("hdf5",)):
    """A folder in which a build of a store of version 1 was interrupted at once, and will be continued."""
    out.mkdir()
    start_journal(out, Header(FeatureConfig(), vocabulary, tuple(formats), counts, format_version=1), ())
    return out
