"""The bytes of a shard: round trips through both formats, packing of log-mels, and files that are not to be trusted."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.config.features import DTYPES
from fat2019.store.schema import ClipFeatures
from fat2019.store.shards import content_key
from tests.store.formats.shards import NAME, SMALL, VOCABULARY, clip, read_hdf5_clips, read_tfrecord_clips, write

pytestmark = pytest.mark.usefixtures("version")


def assert_equal(one, other):
    for field in dataclasses.fields(ClipFeatures):
        a, b = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(a, b, err_msg=field.name)
        assert np.asarray(a).dtype == np.asarray(b).dtype, field.name


CLIPS = st.lists(
    st.builds(
        clip,
        fname=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text),
        samples=st.integers(1, 700),
        seed=st.integers(0, 99),
        usage=st.sampled_from(["", "Public", "Private"]),
        labels=st.sets(st.integers(0, 2)).map(lambda some: tuple(sorted(some))),
        kept_whole=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clips=CLIPS)
def test_clips_come_back_from_both_formats_as_they_were(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shard")
    shape = write(folder, clips)
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        for ours, read in zip(clips, reader(folder, shape), strict=True):
            assert_equal(ours, read)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_stored_type_comes_back(dtype, tmp_path):
    config = dataclasses.replace(SMALL, dtype=dtype)
    ours = clip(config=config)
    assert ours.log_mel.dtype == dtype
    shape = write(tmp_path, [ours], config)
    for reader in (read_hdf5_clips, read_tfrecord_clips):
        assert_equal(ours, next(reader(tmp_path, shape)))


def test_a_key_tells_labels_usage_names_and_audio_apart():
    variants = [
        [clip()],
        [clip(labels=(0,))],
        [clip(usage="Public")],
        [clip("b.wav")],
        [clip(seed=1)],
        [clip(), clip("b.wav")],
        [],
    ]
    assert len({content_key(NAME, SMALL, VOCABULARY, clips) for clips in variants}) == len(variants)
    assert content_key(NAME, SMALL, VOCABULARY, [clip()]) == content_key(NAME, SMALL, VOCABULARY, [clip()])


def test_the_same_clips_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, [clip(), clip("b.wav", seed=2)])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
