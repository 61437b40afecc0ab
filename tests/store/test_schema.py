"""The table of stored arrays."""

import dataclasses

import numpy as np
import pytest

from fat2019.config.features import FeatureConfig
from fat2019.store.formats import FORMATS, storage_format
from fat2019.store.schema import ARRAYS, ClipFeatures, ShardShape

SHAPE = ShardShape("name", "key", FeatureConfig(), 3, ("a.wav", "bé.wav"), ("", ""), (5, 7), (92, 93))


def test_every_field_of_a_clip_is_an_array_and_every_array_a_field():
    assert [field.name for field in dataclasses.fields(ClipFeatures)] == list(ARRAYS)


def test_entries_of_clips_lie_one_after_another_or_one_a_clip():
    np.testing.assert_array_equal(SHAPE.offset("audio"), [0, 5, 12])
    np.testing.assert_array_equal(SHAPE.offset("energy"), [0, 94, 189])
    np.testing.assert_array_equal(SHAPE.offset("decibel_range"), [0, 1, 2])
    assert [SHAPE.dimensions(name) for name in ("audio", "log_mel", "labels", "fname")] == [
        (12,),
        (185, 80),
        (2, 3),
        (2,),
    ]


def test_the_least_length_of_a_file_is_that_of_its_large_arrays():
    assert SHAPE.least_bytes(["fname", "audio"]) == 24
    assert SHAPE.least_bytes(["log_mel", "energy", "kept_whole"]) == 185 * 80 + 8 * 189


def test_text_is_as_wide_as_its_longest():
    assert ARRAYS["fname"].dtype(SHAPE) == "S7"
    assert ARRAYS["usage"].dtype(SHAPE) == "S1"


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_holds_every_array_and_two_files_of_it_share_the_clips_names_alone(form):
    held = [name for suffix in storage_format(form).suffixes for name in storage_format(form).arrays(suffix)]
    assert set(held) == set(ARRAYS)
    assert {name for name in held if held.count(name) > 1} <= {"fname"}
