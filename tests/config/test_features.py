"""The configuration of features: its digests, its JSON, and what it refuses."""

import dataclasses
import json
import math

import pytest

from fat2019.config.features import NAMED, FeatureConfig, feature_config_from_json, to_json
from fat2019.errors import DataError

DIGESTS = {  # of stores that there are: a changed one would make them another configuration's
    "report": "ab361f73e548",
    "wide": "b9f9fc867452",
    "yamnet": "24e8a3de3ac4",
}


@pytest.mark.parametrize("name", NAMED)
def test_the_digest_of_a_named_configuration_never_changes(name):
    assert NAMED[name].digest()[:12] == DIGESTS[name]


@pytest.mark.parametrize("name", NAMED)
def test_json_and_back_is_the_same_configuration(name):
    assert feature_config_from_json(json.loads(to_json(NAMED[name]))) == NAMED[name]


def test_fields_that_came_later_are_left_out_at_their_defaults():
    report, yamnet = (set(json.loads(to_json(NAMED[name]))) for name in ("report", "yamnet"))
    assert yamnet - report == {"win_samples", "spectrum", "reference", "log", "log_offset", "scaling"}
    assert report < yamnet


@pytest.mark.parametrize(
    "field, value",
    [
        ("win_samples", 1025),
        ("win_samples", -1),
        ("spectrum", "energy"),
        ("reference", "scipy"),
        ("log", "ln"),
        ("log", "natural"),  # without an offset silence would be minus infinity
        ("log_offset", 0.001),
        ("scaling", "255"),
        ("window_samples", 1023),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(field, value):
    with pytest.raises(DataError, match="log_offset" if field == "log" and value == "natural" else field):
        FeatureConfig(**{field: value})


def test_a_unit_of_a_log_mel_is_a_decibel_or_a_factor_e():
    natural = {"log": "natural", "log_offset": 0.001}
    assert FeatureConfig().decibels_per_unit == 1
    assert FeatureConfig(spectrum="magnitude").decibels_per_unit == 1
    assert FeatureConfig(**natural).decibels_per_unit == pytest.approx(10 * math.log10(math.e))
    assert FeatureConfig(spectrum="magnitude", **natural).decibels_per_unit == pytest.approx(20 * math.log10(math.e))


def test_the_window_of_every_named_configuration_is_a_whole_image():
    sizes = {name: (config.window_frames, config.mel_bands) for name, config in NAMED.items()}
    assert sizes == {"report": (92, 80), "wide": (92, 128), "yamnet": (96, 64)}


def test_hops_cover_the_frames_that_lie_in_them():
    assert FeatureConfig().hops(92) == 93
    assert NAMED["yamnet"].hops(1) == 3
    assert dataclasses.replace(NAMED["yamnet"], win_samples=480).hops(1) == 3
