"""OGG streams that are whole, cut, chained and left open."""

import re

import pytest

from tests.audio.containers.sounds import ID3_V1, LENGTHS, encoded


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("samples", LENGTHS)
def test_a_whole_ogg_file_is_no_cut_one_whatever_follows(reason, decoded, samples, subtype):
    whole = encoded(samples, format="OGG", subtype=subtype)
    for tail in (b"", ID3_V1, bytes(100_000), b"\xff" * 7):
        assert reason(whole + tail) is None
    assert decoded(whole) == samples or samples == 1  # of which there is no signal


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_that_ends_within_a_page_is_cut_short(reason, subtype):
    whole = encoded(150_000, format="OGG", subtype=subtype)
    starts = [match.start() for match in re.finditer(b"OggS", whole)]
    assert len(starts) > 5
    within = [(start + end) // 2 for start, end in zip(starts, [*starts[1:], len(whole)], strict=True)]
    for length in (*within, *(start + 5 for start in starts), *(start + 28 for start in starts), len(whole) - 1):
        assert "page" in (reason(whole[:length]) or ""), length


def test_a_cut_ogg_file_is_refused_and_not_read_as_a_shorter_one(decoded):
    whole = encoded(48_000, format="OGG")
    for share in (0.1, 0.5, 0.9, 0.99):
        assert "truncated: " in str(decoded(whole[: int(len(whole) * share)]))


def test_of_chained_ogg_streams_the_last_one_counts(reason):
    whole = encoded(48_000, format="OGG")
    assert reason(whole + whole) is None
    assert reason(whole + whole[: len(whole) // 2])


def test_an_ogg_file_that_a_recorder_did_not_end_is_read(reason, decoded):
    whole = encoded(150_000, format="OGG")
    recorded = whole[: whole.rfind(b"OggS")]
    assert reason(recorded) is None
    assert 100_000 < decoded(recorded) < 150_000
