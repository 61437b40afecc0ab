"""Silence removal against pydub, which defines it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fat2019.audio.silence import desilence, kept_ranges
from fat2019.config.features import SilenceRule
from tests.oracles.pydub_pieces import pieces

RATES = (1000, 8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
RULE = SilenceRule(("noisy",), 60.0, min_silence_ms=50, threshold_dbfs=-50.0, keep_silence_ms=10)


def noise(rms: float, count: int, seed: int = 0) -> NDArray[np.int16]:
    wave = np.random.default_rng(seed).normal(scale=rms, size=count)
    return np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)


@st.composite
def bursts_and_pauses(draw: st.DrawFn) -> tuple[NDArray[np.int16], int]:
    rate = draw(st.sampled_from(RATES))
    levels = st.sampled_from((0.0, 0.0, 0.5, 3.0, 30.0, 300.0, 10_000.0, 40_000.0))
    stretches = draw(st.lists(st.tuples(levels, st.integers(0, rate // 16)), max_size=8))
    seed = draw(st.integers(0, 2**32 - 1))
    waves = [noise(level, count, seed + i) for i, (level, count) in enumerate(stretches)]
    return np.concatenate([np.empty(0, np.int16), *waves]), rate


def assert_equals_pydub(
    samples: NDArray[np.int16], rate: int, min_silence_ms: int, threshold_dbfs: float, keep_silence_ms: int
) -> None:
    rule = (min_silence_ms, threshold_dbfs, keep_silence_ms)
    expected = [piece for piece in pieces(samples, rate, *rule) if len(piece)]
    ranges = kept_ranges(samples, rate, *rule)
    assert ranges.dtype == np.int64
    assert ranges.shape == (len(expected), 2)
    joined = np.concatenate([samples[:0], *(samples[start:end] for start, end in ranges)])
    pydub_joined = np.concatenate([samples[:0], *expected])
    padding = len(pydub_joined) - len(joined)
    assert 0 <= padding < max(2, rate / 1000)
    np.testing.assert_array_equal(joined, pydub_joined[: len(joined)])
    assert not pydub_joined[len(joined) :].any()
    # Each piece has its own place, not only their sum; the last may have the padding.
    lengths = [len(piece) for piece in expected]
    if lengths:
        lengths[-1] -= padding
    np.testing.assert_array_equal(ranges[:, 1] - ranges[:, 0], lengths)
    for (start, end), piece in zip(ranges, expected, strict=True):
        np.testing.assert_array_equal(samples[start:end], piece[: end - start])


@settings(max_examples=400, deadline=None)
@given(
    bursts_and_pauses(),
    st.sampled_from((1, 2, 5, 13, 30, 60, 200)),
    st.one_of(st.sampled_from((-60.0, -50.0, -16.0)), st.floats(-95.0, 3.0)),
    st.sampled_from((0, 1, 2, 7, 20, 100)),
)
def test_the_ranges_are_pydubs_pieces(
    signal: tuple[NDArray[np.int16], int], min_silence_ms: int, threshold_dbfs: float, keep_silence_ms: int
) -> None:
    assert_equals_pydub(*signal, min_silence_ms, threshold_dbfs, keep_silence_ms)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
@pytest.mark.parametrize("keep_silence_ms", [0, 3, 500])
def test_every_length_of_the_last_millisecond_ends_as_pydub_ends_it(rate: int, keep_silence_ms: int) -> None:
    clip = np.concatenate([noise(3000, rate // 40), np.zeros(rate // 40, np.int16), noise(3000, rate // 40)])
    for dropped in range(rate // 1000 + 2):
        assert_equals_pydub(clip[: len(clip) - dropped], rate, 10, -50.0, keep_silence_ms)
        assert_equals_pydub(clip[: len(clip) * 2 // 3 - dropped], rate, 10, -50.0, keep_silence_ms)


def test_a_last_millisecond_cut_short_is_averaged_with_the_zeros_beyond_the_end() -> None:
    samples = np.concatenate([np.full(16, 1000, np.int16), np.full(8, 100, np.int16)])
    above = 20 * np.log10(71 / 32_768)  # 8 of 16 samples: rms 100 / sqrt(2), not 100
    assert kept_ranges(samples, 16_000, 1, above, 0).tolist() == [[0, 16]]
    assert_equals_pydub(samples, 16_000, 1, above, 0)


def test_an_rms_of_exactly_the_next_whole_number_is_loud() -> None:
    samples = np.full(1600, 11, np.int16)
    for rms, ranges in ((10.99, [[0, 1600]]), (11.01, [])):
        threshold = 20 * np.log10(rms / 32_768)
        assert kept_ranges(samples, 16_000, 50, threshold, 0).tolist() == ranges
        assert_equals_pydub(samples, 16_000, 50, threshold, 0)


def test_the_rms_is_rounded_down_before_it_is_compared() -> None:
    samples = np.concatenate([noise(3000, 1600), np.tile(np.array([10, 11], np.int16), 800)])
    ten = 20 * np.log10(10.01 / 32_768)  # the rms of the second half is 10.5
    assert kept_ranges(samples, 16_000, 50, ten, 0)[-1, 1] <= 1600
    assert_equals_pydub(samples, 16_000, 50, ten, 0)


@pytest.mark.parametrize("rate", [16_000, 16_500])
@pytest.mark.parametrize("value", [-32_768, 32_767])
def test_full_scale_is_summed_without_overflow(rate: int, value: int) -> None:
    samples = np.concatenate([np.full(rate, value, np.int16), np.zeros(rate // 10, np.int16)])
    for min_silence_ms in (1, 2, 100):
        assert kept_ranges(samples, rate, min_silence_ms, -95.0, 0).tolist() == [[0, rate]]


def test_a_clip_that_is_all_silence_has_no_kept_ranges() -> None:
    ranges = kept_ranges(np.zeros(16_000, np.int16), 16_000, 300, -50.0, 100)
    assert ranges.shape == (0, 2)
    assert ranges.dtype == np.int64


def test_an_empty_clip_has_no_kept_ranges() -> None:
    assert kept_ranges(np.empty(0, np.int16), 16_000, 300, -50.0, 100).shape == (0, 2)


def test_a_silent_clip_shorter_than_the_shortest_silence_is_kept() -> None:
    assert kept_ranges(np.zeros(1600, np.int16), 16_000, 300, -50.0, 100).tolist() == [[0, 1600]]


def test_desilence_joins_the_ranges_in_order() -> None:
    samples = np.concatenate([noise(3000, 3200, 1), np.zeros(3200, np.int16), noise(3000, 3200, 2)])
    kept, kept_whole = desilence(samples, 16_000, RULE)
    np.testing.assert_array_equal(kept, np.concatenate(pieces(samples, 16_000, 50, -50.0, 10)))
    assert kept.dtype == np.int16
    assert len(kept) < len(samples)
    assert not kept_whole


def test_desilence_keeps_a_clip_whole_and_says_so_when_nothing_would_remain() -> None:
    samples = np.zeros(8000, np.int16)
    kept, kept_whole = desilence(samples, 16_000, RULE)
    assert kept is samples
    assert kept_whole


def test_desilence_copies_nothing_where_there_is_no_silence() -> None:
    samples = noise(3000, 8000)
    kept, kept_whole = desilence(samples, 16_000, RULE)
    assert np.shares_memory(kept, samples)
    assert len(kept) == 8000
    assert not kept_whole


@settings(max_examples=50, deadline=None)
@given(bursts_and_pauses())
def test_the_ranges_ascend_within_the_clip_and_none_is_empty(signal: tuple[NDArray[np.int16], int]) -> None:
    samples, rate = signal
    ranges = kept_ranges(samples, rate, 20, -50.0, 5)
    assert (ranges[:, 0] < ranges[:, 1]).all()
    assert (np.diff(ranges.ravel()) >= 0).all()
    assert ranges.size == 0 or (ranges[0, 0] >= 0 and ranges[-1, 1] <= len(samples))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"samples": np.zeros(100, np.float32)}, "samples: expected int16 .* received float32"),
        ({"samples": np.zeros((100, 2), np.int16)}, r"samples: expected .* received int16 \(100, 2\)"),
        ({"rate": 0}, "rate: expected at least 1000.* received 0"),
        ({"min_silence_ms": 0}, "min_silence_ms: expected at least 1, received 0"),
        ({"keep_silence_ms": -1}, "keep_silence_ms: expected at least 0, received -1"),
    ],
)
def test_an_argument_out_of_bounds_is_named(changed: dict, message: str) -> None:
    arguments = {
        "samples": np.zeros(100, np.int16),
        "rate": 16_000,
        "min_silence_ms": 10,
        "threshold_dbfs": -50.0,
        "keep_silence_ms": 0,
    }
    with pytest.raises(ValueError, match=message):
        kept_ranges(**{**arguments, **changed})
