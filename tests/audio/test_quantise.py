"""Log-mels in the type in which they are stored, and back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from fat2019.audio.quantise import dequantise, quantise, stored_type
from fat2019.config.features import FeatureConfig

CONFIGS = {dtype: dataclasses.replace(FeatureConfig(), dtype=dtype) for dtype in ("uint8", "float16", "float32")}
LOG_MELS = of_numpy.arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32))


# Decibels of float32 differ by some 1e-6 if they differ: of a spread of 1e-44, 255 steps overflow.
@given(LOG_MELS.filter(lambda log_mel: np.ptp(log_mel) == 0 or np.ptp(log_mel) > 1e-3))
def test_uint8_errs_by_half_a_step_of_the_clips_own_range(log_mel):
    stored, value_range = quantise(log_mel, CONFIGS["uint8"])
    assert stored.dtype == np.uint8
    assert value_range.tolist() == [log_mel.min(), log_mel.max()]
    step = float(value_range[1] - value_range[0]) / 255
    np.testing.assert_allclose(dequantise(stored, value_range), log_mel, atol=step / 2 + 1e-4)
    if step > 0:
        assert (stored.min(), stored.max()) == (0, 255)


@given(LOG_MELS)
def test_floats_keep_the_values_whatever_their_range(log_mel):
    for dtype, exact in (("float32", True), ("float16", False)):
        stored, value_range = quantise(log_mel, CONFIGS[dtype])
        assert stored.dtype == dtype
        assert value_range.tolist() == [log_mel.min(), log_mel.max()]
        np.testing.assert_allclose(dequantise(stored, value_range), log_mel, rtol=0 if exact else 1e-3, atol=1e-7)


@pytest.mark.parametrize("dtype", CONFIGS)
def test_a_clip_of_one_value_comes_back_as_it_was(dtype):
    log_mel = np.full((4, 2), -80.0, np.float32)
    stored, value_range = quantise(log_mel, CONFIGS[dtype])
    assert not stored.any() or dtype != "uint8"
    np.testing.assert_array_equal(dequantise(stored, value_range), log_mel)


@pytest.mark.parametrize("dtype", CONFIGS)
def test_what_is_stored_is_little_endian_on_every_machine(dtype):
    assert stored_type(CONFIGS[dtype]).str in {"uint8": ["|u1"], "float16": ["<f2"], "float32": ["<f4"]}[dtype]
