"""What libsndfile decodes, held against what is said of its length."""

import logging
import re
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
from tests.audio.recordings import NOISE, RATE, reason, write


def write_mp3(path):
    return write(path, 0.3 * np.sin(np.arange(RATE) / 9), bitrate_mode="CONSTANT", compression_level=0.5)


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.ogg"])
def test_a_text_file_is_refused_and_not_said_to_be_missing(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html>404 not found</html>" * 20)
    assert "no audio" in reason(path) and "does not exist" not in reason(path)


def test_a_decoder_tells_the_terminal_of_its_doubts_only_where_more_is_asked_for(tmp_path, capfd, caplog):
    data = bytearray(write_mp3(tmp_path / "x.mp3").read_bytes())
    (tmp_path / "x.mp3").write_bytes(data + data[300:])  # its header counts half of its bytes: mpg123 warns
    read_audio(tmp_path / "x.mp3", RATE)
    assert capfd.readouterr().err == ""
    caplog.set_level(logging.DEBUG, "fat2019")
    read_audio(tmp_path / "x.mp3", RATE)
    assert "Warning" in capfd.readouterr().err


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, suffix, kept):
    path = write(tmp_path / f"x.{suffix}", NOISE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert re.search("truncated|decoded", reason(path))


def test_a_wav_that_ends_within_its_header_is_refused(tmp_path):
    path = write(tmp_path / "x.wav", NOISE)
    whole = path.read_bytes()
    for length in range(1, 44):
        path.write_bytes(whole[:length])
        assert re.search("truncated|decoded", reason(path))


@pytest.mark.parametrize(("whole", "samples"), [(8, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_recorder_that_left_the_lengths_open_is_read(tmp_path, whole, samples):
    path = write(tmp_path / "x.wav", NOISE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8], data[at : at + 4] = struct.pack("<I", whole), struct.pack("<I", samples)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


def test_a_chunk_before_the_samples_is_skipped(tmp_path):
    path = write(tmp_path / "x.wav", NOISE)
    data = path.read_bytes()
    at = data.index(b"data")
    path.write_bytes(data[:at] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + data[at:])
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


def test_a_header_with_an_absurd_rate_does_not_multiply_memory(tmp_path):
    path = write(tmp_path / "x.wav", NOISE)
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", 1)
    path.write_bytes(data)
    assert "sample rate" in reason(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_but_nothing_else(tmp_path, data):
    good = write(tmp_path / "good.wav", NOISE[:200]).read_bytes()
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.wav"
    path.write_bytes(damaged)
    try:
        samples = read_audio(path, RATE).samples
    except UnreadableAudio:
        return
    assert samples.dtype == np.int16
    assert len(samples)
