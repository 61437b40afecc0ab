"""Files that were cut short, and whole ones, which must never be taken for such."""

import io
import re
import struct

import numpy as np
import pytest
import soundfile

from fat2019.audio.decode import read_audio
from fat2019.audio.truncation import truncation
from fat2019.errors import UnreadableAudio

LENGTHS = [1, 700, 5_000, 48_000, 150_000]  # samples
ID3_V1 = b"TAG" + bytes(125)


def noise(samples):
    return np.random.default_rng(0).normal(0, 0.1, samples)


def encoded(samples, rate=16_000, *, silent=0, **options):
    """Noise after so many samples of silence, as the bytes of a file."""
    sound = noise(samples)
    sound[:silent] = 0
    file = io.BytesIO()
    soundfile.write(file, sound, rate, **options)
    return file.getvalue()


@pytest.fixture
def reason(tmp_path):
    """``reason(data)``: how these bytes are cut short, if they are."""

    def written(data):
        (tmp_path / "x").write_bytes(data)
        with (tmp_path / "x").open("rb") as file:
            return truncation(file)

    return written


@pytest.fixture
def decoded(tmp_path):
    """``decoded(data)``: how many samples these bytes are, or what is wrong with them."""

    def read(data):
        (tmp_path / "x.mp3").write_bytes(data)
        try:
            return read_audio(tmp_path / "x.mp3", 16_000)[2]
        except UnreadableAudio as error:
            return str(error)

    return read


# WAV.


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_wav_file_that_sox_wrote_to_a_pipe_has_a_length_that_means_nothing(
    reason, decoded, channels, subtype, endian
):
    file = io.BytesIO()
    soundfile.write(file, np.eye(300, channels), 16_000, format="WAV", subtype=subtype, endian=endian)
    data, block = bytearray(file.getvalue()), channels * {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype]
    at, of_sox = data.index(b"data") + 4, 0x7FFFF000

    def with_length(length):
        return data[:at] + struct.pack("<I" if endian == "LITTLE" else ">I", length) + data[at + 4 :]

    assert reason(with_length(of_sox // block * block)) is None
    assert decoded(with_length(of_sox // block * block)) == 300
    for length in (of_sox // block * block - block, of_sox + block):
        assert "announces" in reason(with_length(length))


# OGG.


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


# MP3.


def without_count(mp3):
    """The frames after the first, which is Xing's and holds no sound: at 16 kHz 288 bytes."""
    assert mp3[288:290] == mp3[:2]
    return mp3[288:]


def id3_v2(payload):
    length = len(payload)
    return b"ID3\x04\0\0" + bytes((length >> 7 * place) & 127 for place in (3, 2, 1, 0)) + payload


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("samples", LENGTHS[1:])
def test_a_whole_mp3_file_is_read_whatever_follows(decoded, samples, rate, mode):
    whole = encoded(samples, rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    assert decoded(whole) == decoded(whole + ID3_V1) == decoded(id3_v2(b"\0Xing") + whole) == samples


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("tags", [b"", id3_v2(bytes(3_000)), id3_v2(bytes(200)) + id3_v2(b"")])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_mp3_file_that_counts_its_frames_is_refused(decoded, share, tags, mode):
    whole = encoded(48_000, format="MP3", bitrate_mode=mode, compression_level=0.5)
    assert "truncated: its header announces 48000 samples" in str(decoded(tags + whole[: int(len(whole) * share)]))


def test_an_mp3_file_without_a_count_is_read_though_its_length_is_guessed_wrong(decoded, tmp_path):
    # The guess goes by the bits of the first frame, of which silence takes few.
    whole = encoded(48_000, silent=24_000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    assert 48_000 <= decoded(without_count(whole)) < 51_000
    assert soundfile.info(tmp_path / "x.mp3").frames > 60_000
    assert 24_000 < decoded(without_count(whole)[:-5_000]) < 45_000


def test_one_frame_fewer_than_an_mp3_file_counts_is_no_cut(decoded):
    whole = bytearray(encoded(48_000, format="MP3"))
    at = max(whole.find(b"Xing"), whole.find(b"Info")) + 8
    (count,) = struct.unpack(">I", whole[at : at + 4])
    whole[at : at + 4] = struct.pack(">I", count + 1)
    assert decoded(whole) >= 48_000
