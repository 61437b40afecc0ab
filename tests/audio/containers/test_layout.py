"""Files that were cut short or hold more than they announce, and whole ones, which must never be taken for such."""

import io
import re
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fat2019.audio.containers import extent
from fat2019.audio.containers.layout import layout_of
from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio

RATE = 16_000
NOISE = np.random.default_rng(1).integers(-20_000, 20_000, 5_000).astype(np.int16)
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
            return layout_of(file).truncation

    return written


@pytest.fixture
def decoded(tmp_path):
    """``decoded(data)``: how many samples these bytes are, or what is wrong with them."""

    def read(data):
        (tmp_path / "x.mp3").write_bytes(data)
        try:
            return read_audio(tmp_path / "x.mp3", 16_000).source_samples
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
    assert "announces" in reason(with_length(len(data) - at - 4 + block))


PLACEHOLDERS = [0, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF - 36, 0xFFFFFF00, 0x80000000, 0x7FFFFFFF, 0x7FFFFFFF - 36]
PLACEHOLDERS += [0x7FFFFF00, 0x40000000, 2 * 10**9]


def uncompressed(format, samples=NOISE, **options):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format, subtype="PCM_16", **options)
    return file.getvalue()


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


FORMATS = ["WAV", "AIFF", "AU", "CAF", "W64", "RF64"]


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


@pytest.mark.parametrize("first", [*FORMATS, "FLAC"])
@pytest.mark.parametrize("second", [*FORMATS, "FLAC"])
def test_files_joined_to_one_are_read_one_after_another(tmp_path, first, second):
    path = tmp_path / "x"
    path.write_bytes(uncompressed(first) + uncompressed(second, NOISE[:2000]))
    if first == "FLAC" and second != "FLAC":
        assert "cannot be decoded, and is not read" in read_audio(path, RATE).notes[0]
        return
    np.testing.assert_array_equal(read_audio(path, RATE).samples, np.concatenate([NOISE, NOISE[:2000]]))


@pytest.mark.parametrize(
    "options", [{"format": "MP3"}, {"format": "OGG", "subtype": "VORBIS"}, {"format": "OGG", "subtype": "OPUS"}]
)
def test_lossy_files_joined_to_one_are_read_one_after_another(decoded, options):
    assert decoded(encoded(48_000, **options) + encoded(32_000, **options) + encoded(48_000, **options)) == 128_000


def test_recordings_of_two_rates_joined_to_one_are_refused(decoded):
    assert "16,000 and 8,000 Hz joined" in str(
        decoded(encoded(9_000, format="MP3") + encoded(9_000, 8_000, format="MP3"))
    )


@pytest.mark.parametrize(
    "tail",
    [
        b"LIST\x06\0\0\0INFOab",
        b"LIST\xff\0\0\0INFO cut",
        b"id3 \x05\0\0\0abcde",
        b"bext\x02\0\0\0abqwer\x04\0\0\0abcd\0\0",
        ID3_V1,
        b"APETAGEX\xd0\x07\0\0" + struct.pack("<I", 8) + bytes(16) + b"abcdefgh",
        bytes(4_000),
        b"",
    ],
    ids=["list", "cut list", "odd", "two chunks", "id3v1", "ape", "zeros", "nothing"],
)
def test_metadata_after_samples_is_no_sound(tmp_path, tail):
    path = tmp_path / "x.wav"
    path.write_bytes(uncompressed("WAV") + tail)
    found = read_audio(path, RATE)
    np.testing.assert_array_equal(found.samples, NOISE)
    assert found.notes == ()


def test_samples_too_many_for_the_numbers_of_their_header_are_read_in_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(extent, "_SEGMENT_BYTES", 3_001)
    monkeypatch.setattr(extent, "_most_bytes", lambda samples: 4_000)
    path = tmp_path / "x.wav"
    path.write_bytes(announcing("WAV", uncompressed("WAV"), 10))
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


# FLAC.


def flac_announcing(total):
    data = bytearray(uncompressed("FLAC"))
    data[21:26] = ((data[21] & 0xF0) << 32 | total).to_bytes(5, "big")
    return bytes(data)


@pytest.mark.parametrize("total", [0, (1 << 36) - 1, 5_000, 1, 4_999])
def test_a_flac_file_is_read_to_its_end_whatever_it_announces(tmp_path, total):
    (tmp_path / "x.flac").write_bytes(flac_announcing(total))
    found = read_audio(tmp_path / "x.flac", RATE)
    np.testing.assert_array_equal(found.samples, NOISE)
    told = f"its header announces {total:,} samples, 5,000 are there: all are read"
    assert found.notes == ((told,) if total in (1, 4_999) else ())


def test_a_flac_file_with_fewer_samples_than_it_announces_is_refused(tmp_path):
    (tmp_path / "x.flac").write_bytes(flac_announcing(5_001))
    with pytest.raises(UnreadableAudio, match="announces 5001 samples, 5000 can be decoded"):
        read_audio(tmp_path / "x.flac", RATE)


@pytest.mark.parametrize("total", [0, 5_000])
def test_a_cut_flac_file_is_refused(tmp_path, total):
    data = flac_announcing(total)
    (tmp_path / "x.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableAudio, match="truncated or damaged"):
        read_audio(tmp_path / "x.flac", RATE)


def test_what_is_no_sound_after_a_flac_file_is_told_of_but_for_tags(tmp_path):
    path = tmp_path / "x.flac"
    for tail, notes in (
        (b"rubbish" * 9, ("what follows its 5,000 samples cannot be decoded, and is not read",)),
        (ID3_V1, ()),
    ):
        path.write_bytes(uncompressed("FLAC") + tail)
        found = read_audio(path, RATE)
        np.testing.assert_array_equal(found.samples, NOISE)
        assert found.notes == notes


# Formats of which libsndfile reads what is there.


@pytest.mark.parametrize("format", ["AVR", "NIST", "SVX", "VOC", "MAT4"])
def test_formats_without_a_rule_of_their_own_are_refused_when_cut(tmp_path, format):
    path, whole = tmp_path / "x", uncompressed(format)
    path.write_bytes(whole)
    assert len(read_audio(path, RATE).samples) == len(NOISE)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableAudio, match="truncated"):
        read_audio(path, RATE)


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
