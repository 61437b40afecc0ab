"""Another rate, block by block."""

import numpy as np
import pytest
import soxr

from fat2019.audio.decode import read_audio
from tests.audio.recordings import RATE, fields, write


@pytest.mark.parametrize("seconds", [0.01, 1, 15])  # less than a block, and several blocks
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_another_rate_is_resampled_as_in_one_pass(tmp_path, rate, seconds, small_blocks):
    source = (0.5 * np.random.default_rng(1).standard_normal(int(rate * seconds))).astype(np.float32).clip(-1, 1)
    path = write(tmp_path / "x.wav", source, rate, subtype="FLOAT")
    expected = np.rint(soxr.resample(source, rate, RATE) * 32768).clip(-32768, 32767).astype(np.int16)
    samples, found_rate, count = fields(read_audio(path, RATE))
    np.testing.assert_array_equal(samples, expected)
    assert (found_rate, count) == (rate, len(source))
