"""The length of samples, by what a header announces and by what is there."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.audio.containers import extent
from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
from tests.audio.containers.sounds import FORMATS, NOISE, RATE, uncompressed

PLACEHOLDERS = [0, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF - 36, 0xFFFFFF00, 0x80000000, 0x7FFFFFFF, 0x7FFFFFFF - 36]
PLACEHOLDERS += [0x7FFFFF00, 0x40000000, 2 * 10**9]


def length_field(format, data):
    """Where a file says how many bytes of samples it has, in what form, and what it counts beside them."""
    return {
        "WAV": lambda: (data.index(b"data") + 4, "<I", 0),
        "AIFF": lambda: (data.index(b"SSND") + 4, ">I", 8),
        "AU": lambda: (8, ">I", 0),
        "CAF": lambda: (data.index(b"data") + 4, ">q", 4),
        "W64": lambda: (data.index(b"data") + 16, "<q", 24),
        "RF64": lambda: (data.index(b"ds64") + 16, "<Q", 0),
    }[format]()


def announcing(format, data, length):
    at, form, added = length_field(format, data)
    return data[:at] + struct.pack(form, length + added) + data[at + struct.calcsize(form) :]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data())
def test_of_any_announced_length_and_any_cut_what_is_there_is_read_or_the_refusal_says_why(tmp_path, data):
    format = data.draw(st.sampled_from(FORMATS))
    whole = uncompressed(format)
    begin = whole.index(NOISE.astype("<i2" if format in ("WAV", "W64", "RF64") else ">i2").tobytes()[:64])
    begin = begin if format != "CAF" else whole.index(b"data") + 16
    there = data.draw(st.integers(50, len(NOISE)))
    announced = data.draw(st.one_of(st.integers(0, 2 * len(NOISE)), st.just(there), st.sampled_from(PLACEHOLDERS)))
    path = tmp_path / "x"
    length = announced if announced in PLACEHOLDERS else 2 * announced
    if format in ("W64", "CAF", "AIFF", "RF64"):
        length = min(length, 0xFFFFFFF0)
    path.write_bytes(announcing(format, whole[: begin + 2 * there], length))
    try:
        found = read_audio(path, RATE).samples
    except UnreadableAudio as error:
        assert length not in PLACEHOLDERS and 2 * there < length
        assert f"truncated: its header announces {length} bytes of samples, the file has {2 * there}" in str(error)
        return
    np.testing.assert_array_equal(found, NOISE[:there])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("length", PLACEHOLDERS)
def test_a_length_that_is_unknown_means_to_the_end(tmp_path, format, length):
    path = tmp_path / "x"
    path.write_bytes(announcing(format, uncompressed(format), min(length, 0xFFFFFFFF - 24)))
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


@pytest.mark.parametrize("format", FORMATS)
def test_samples_beyond_those_announced_are_read_and_told_of(tmp_path, format):
    path = tmp_path / "x"
    path.write_bytes(announcing(format, uncompressed(format), 2048))
    found = read_audio(path, RATE)
    np.testing.assert_array_equal(found.samples, NOISE)
    assert found.notes == ("its header announces 2,048 bytes of samples, 10,000 are there: all are read",)


def test_samples_too_many_for_the_numbers_of_their_header_are_read_in_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(extent, "_SEGMENT_BYTES", 3_001)
    monkeypatch.setattr(extent, "_most_bytes", lambda samples: 4_000)
    path = tmp_path / "x.wav"
    path.write_bytes(announcing("WAV", uncompressed("WAV"), 10))
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)
