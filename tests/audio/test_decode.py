"""Decoding: what is read, and what is refused."""

import contextlib
import os
import socket

import numpy as np
import pytest

from fat2019.audio.decode import read_audio, seconds_of
from fat2019.errors import FailedRead, UnreadableAudio
from tests.audio.recordings import NOISE, RATE, fields, reason, write


def test_16_bit_mono_at_the_rate_passes_unchanged(tmp_path):
    edges = np.array([-32768, 32767, 0, 1, -1], np.int16)
    samples, rate, count = fields(read_audio(write(tmp_path / "x.wav", edges), RATE))
    assert samples.dtype == np.int16
    np.testing.assert_array_equal(samples, edges)
    assert (rate, count) == (RATE, 5)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_deeper_formats_are_rounded_to_16_bits(tmp_path, subtype):
    path = write(tmp_path / "x.wav", NOISE / 32768, subtype=subtype)
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


def test_8_bits_are_read_to_their_own_precision(tmp_path):
    path = write(tmp_path / "x.wav", NOISE / 32768, subtype="PCM_U8")
    assert np.abs(read_audio(path, RATE).samples - NOISE.astype(int)).max() <= 256


@pytest.mark.parametrize("suffix", ["flac", "aiff", "caf"])
def test_lossless_formats_give_the_same_samples(tmp_path, suffix):
    np.testing.assert_array_equal(read_audio(write(tmp_path / f"x.{suffix}", NOISE), RATE).samples, NOISE)


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_lossy_formats_give_about_as_many_samples(tmp_path, suffix):
    tone = 0.5 * np.sin(np.arange(2 * RATE) / 10)
    samples, rate, count = fields(read_audio(write(tmp_path / f"x.{suffix}", tone, RATE), RATE))
    assert rate == RATE
    assert len(samples) == count
    assert abs(count - 2 * RATE) < 3_000
    assert samples.std() == pytest.approx(0.5 / np.sqrt(2) * 32768, rel=0.1)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "x.wav").touch()
    assert "empty file" in reason(tmp_path / "x.wav")


def test_audio_without_samples_is_refused(tmp_path):
    assert "without a single sample" in reason(write(tmp_path / "x.wav", NOISE[:0]))


def test_a_folder_is_refused(tmp_path):
    assert "directory" in reason(tmp_path)


def test_a_file_that_the_machine_fails_to_read_is_told_from_a_bad_one(tmp_path):
    path = tmp_path / "x.wav"
    path.symlink_to("/proc/self/mem")  # of no bytes, and an error of input and output to whoever reads it
    with pytest.raises(FailedRead, match=r"x\.wav: cannot be read: Input/output error$"):
        read_audio(path, RATE)
    with pytest.raises(FailedRead, match="No such file"):
        read_audio(tmp_path / "absent.wav", RATE)
    assert not issubclass(FailedRead, UnreadableAudio)


@pytest.mark.parametrize("kind", ["FIFO", "device", "socket", "link", "system"])
def test_what_is_no_plain_file_is_refused_without_being_waited_for(tmp_path, kind):
    path = tmp_path / "x.wav"
    with contextlib.ExitStack() as stack:
        if kind == "FIFO":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "socket":
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(os.path.relpath(path))
        elif kind == "link":
            path.symlink_to(path.name)
        else:
            path.symlink_to("/proc/self/status")
        said = {"link": "a link that leads back to itself", "system": "a virtual file of the system"}.get(
            kind, f"a {kind}"
        )
        assert said in reason(path)


def test_the_length_of_a_clip_is_known_from_its_header_or_else_counted(tmp_path):
    path = write(tmp_path / "x.flac", NOISE)
    assert seconds_of(path) == len(NOISE) / RATE
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    path.write_bytes(data)
    assert seconds_of(path) == len(NOISE) / RATE


def test_a_sound_that_begins_late_is_a_signal(tmp_path, small_blocks):
    sound = np.zeros(700_000, np.int16)
    sound[-1000:] = NOISE[:1000]
    np.testing.assert_array_equal(read_audio(write(tmp_path / "x.wav", sound), RATE).samples, sound)
