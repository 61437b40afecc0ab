"""Decoding: what is read, how, and what is refused."""

import contextlib
import logging
import os
import re
import socket
import struct

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.audio import libsndfile
from fat2019.audio.decode import read_audio, seconds_of
from fat2019.errors import FailedRead, UnreadableAudio

RATE = 16_000
RNG = np.random.default_rng(0)
NOISE = RNG.integers(-20_000, 20_000, 5_000).astype(np.int16)


def write(path, samples, rate=RATE, **options):
    soundfile.write(path, samples, rate, **options)
    return path


def write_mp3(path):
    return write(path, 0.3 * np.sin(np.arange(RATE) / 9), bitrate_mode="CONSTANT", compression_level=0.5)


def fields(decoded):
    return decoded.samples, decoded.source_rate_hz, decoded.source_samples


def reason(path):
    with pytest.raises(UnreadableAudio) as caught:
        read_audio(path, RATE)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


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


def test_channels_are_averaged(tmp_path):
    both = np.stack([NOISE, NOISE[::-1]], axis=1)
    expected = np.rint(both.astype(float).mean(axis=1)).astype(np.int16)
    np.testing.assert_array_equal(read_audio(write(tmp_path / "x.wav", both), RATE).samples, expected)


@pytest.mark.parametrize("peak", [1.01, 2.0, 7.9])
def test_values_beyond_full_scale_scale_the_clip_down_and_are_told_of(tmp_path, peak):
    values = np.array([peak, -peak / 2, 0.5])
    found = read_audio(write(tmp_path / "x.wav", values, subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(found.samples, np.rint(np.float32(values * 32_767 / peak)))
    [note] = found.notes
    assert note.startswith(f"peaks of {peak:.2f} times full scale: scaled down by ")


def test_values_at_full_scale_are_as_loud_as_they_are(tmp_path):
    found = read_audio(write(tmp_path / "x.wav", np.array([1.0, -1.0, 0.5]), subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(found.samples, [32_767, -32_768, 16_384])
    assert found.notes == ()


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_samples_far_beyond_full_scale_are_refused(tmp_path, subtype, rate):
    for sound in (NOISE.astype(float), np.where(np.arange(200_000) == 150_000, -8.5, 0.1)):
        path = write(tmp_path / "x.wav", sound, rate, subtype=subtype)
        expected = f"{path}: samples of up to {np.abs(sound).max():,.0f} where -1 to 1 is full scale"
        assert reason(path) == f"{expected}: saved without dividing?"


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(libsndfile, "_BLOCK_SAMPLES", 1 << 16)


@pytest.mark.parametrize("seconds", [0.01, 1, 15])  # less than a block, and several blocks
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_another_rate_is_resampled_as_in_one_pass(tmp_path, rate, seconds, small_blocks):
    source = (0.5 * np.random.default_rng(1).standard_normal(int(rate * seconds))).astype(np.float32).clip(-1, 1)
    path = write(tmp_path / "x.wav", source, rate, subtype="FLOAT")
    expected = np.rint(soxr.resample(source, rate, RATE) * 32768).clip(-32768, 32767).astype(np.int16)
    samples, found_rate, count = fields(read_audio(path, RATE))
    np.testing.assert_array_equal(samples, expected)
    assert (found_rate, count) == (rate, len(source))


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "x.wav").touch()
    assert "empty file" in reason(tmp_path / "x.wav")


def test_audio_without_samples_is_refused(tmp_path):
    assert "without a single sample" in reason(write(tmp_path / "x.wav", NOISE[:0]))


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.ogg"])
def test_a_text_file_is_refused_and_not_said_to_be_missing(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html>404 not found</html>" * 20)
    assert "no audio" in reason(path) and "does not exist" not in reason(path)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path, bad):
    for rate in (RATE, 44_100):
        sound = np.full(3_000, 0.1)
        sound[1_500] = bad
        assert "not finite" in reason(write(tmp_path / "x.wav", sound, rate, subtype="FLOAT"))


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("value", [0, 700])
def test_a_clip_of_one_value_has_no_signal(tmp_path, rate, value, small_blocks):
    path = write(tmp_path / "x.wav", np.full(400_000, value, np.int16), rate)  # more than a block
    assert "no signal" in reason(path)


def test_a_sound_that_is_too_high_for_the_rate_has_no_signal(tmp_path):
    sound = np.rint(20 * np.sin(np.pi * 0.9 * np.arange(44_100))).astype(np.int16)  # of 20 kHz
    assert "no signal" in reason(write(tmp_path / "x.wav", np.tile(sound[:40], 1000), 44_100))


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "DOUBLE"])
def test_a_recording_too_quiet_for_16_bits_is_amplified_and_told_of(tmp_path, subtype):
    quiet = NOISE / 32_768 * 2e-5  # less than half a step of 16 bits
    found = read_audio(write(tmp_path / "x.wav", quiet, subtype=subtype), RATE)
    assert np.abs(found.samples).max() == 32_767
    if subtype != "PCM_24":
        np.testing.assert_allclose(found.samples, quiet * (32_767 / np.abs(quiet).max()), atol=1)
    assert "of which 16 bits hold nothing: amplified" in found.notes[0]


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_a_constant_and_the_noise_of_its_rounding_stay_no_signal_at_any_depth(tmp_path, subtype):
    dither = np.random.default_rng(0).integers(0, 2, 5_000) / 2**23
    assert "no signal: silence" in reason(write(tmp_path / "x.wav", 0.1 + dither, subtype=subtype))


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_of_channels_in_opposite_phase_the_louder_is_taken_and_told_of(tmp_path, subtype):
    rumble = np.random.default_rng(0).integers(-20, 20, len(NOISE))
    both = np.stack([NOISE // 2 + rumble, -(NOISE // 2) - NOISE // 50], axis=1) / 32_768
    found = read_audio(write(tmp_path / "x.wav", both, subtype=subtype), RATE)
    np.testing.assert_allclose(found.samples, both[:, 1] * 32_768, atol=1)
    assert found.notes == ("its channels cancel one another out: channel 2, the loudest, is used",)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_that_do_not_cancel_are_averaged_without_a_word(tmp_path, channels):
    random = np.random.default_rng(0)
    apart = random.integers(-9_000, 9_000, (9_000, channels)).astype(np.int16)
    alone = np.where(np.arange(channels) == 1, apart, 0).astype(np.int16)
    for sound in (apart, alone):
        found = read_audio(write(tmp_path / "x.wav", sound), RATE)
        assert found.notes == ()
        np.testing.assert_array_equal(found.samples, np.rint(sound.astype(np.float32).mean(axis=1)).astype(np.int16))


@pytest.mark.parametrize("announced", [True, False])
def test_a_clip_beyond_the_most_is_refused_before_it_fills_the_memory(tmp_path, announced, small_blocks):
    path = write(tmp_path / "x.flac", NOISE.repeat(40))  # 12.5 s
    if not announced:
        data = bytearray(path.read_bytes())
        data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
        path.write_bytes(data)
    assert len(read_audio(path, RATE, most_s=13).samples) == 200_000
    with pytest.raises(UnreadableAudio, match=r"x\.flac: 0 minutes are too long, 0 minutes are the most: cut it"):
        read_audio(path, RATE, most_s=10)


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
        said = {"link": "a link that leads back to itself", "system": "a file of the system"}.get(kind, f"a {kind}")
        assert said in reason(path)


def test_a_decoder_tells_the_terminal_of_its_doubts_only_where_more_is_asked_for(tmp_path, capfd, caplog):
    data = bytearray(write_mp3(tmp_path / "x.mp3").read_bytes())
    (tmp_path / "x.mp3").write_bytes(data + data[300:])  # its header counts half of its bytes: mpg123 warns
    read_audio(tmp_path / "x.mp3", RATE)
    assert capfd.readouterr().err == ""
    caplog.set_level(logging.DEBUG, "fat2019")
    read_audio(tmp_path / "x.mp3", RATE)
    assert "Warning" in capfd.readouterr().err


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
