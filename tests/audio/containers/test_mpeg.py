"""MP3 files with and without a count of their frames, whole and cut."""

import struct

import pytest
import soundfile

from fat2019.audio.decode import read_audio
from tests.audio.containers.sounds import ID3_V1, LENGTHS, RATE, encoded


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


@pytest.mark.parametrize("count", [1, 20])
def test_an_mp3_file_that_counts_too_few_frames_is_read_to_its_end(tmp_path, count):
    data = bytearray(encoded(48_000, format="MP3"))
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    data[at : at + 4] = struct.pack(">I", count)
    (tmp_path / "x.mp3").write_bytes(data)
    found = read_audio(tmp_path / "x.mp3", RATE)
    assert 47_000 < found.source_samples <= 48_000
    assert "frames" in found.notes[0] and "all are read" in found.notes[0]


def test_one_frame_fewer_than_an_mp3_file_counts_is_no_cut(decoded):
    whole = bytearray(encoded(48_000, format="MP3"))
    at = max(whole.find(b"Xing"), whole.find(b"Info")) + 8
    (count,) = struct.unpack(">I", whole[at : at + 4])
    whole[at : at + 4] = struct.pack(">I", count + 1)
    assert decoded(whole) >= 48_000
