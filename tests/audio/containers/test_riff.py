"""WAV files with lengths that mean nothing, and what follows their samples."""

import io
import struct

import numpy as np
import pytest
import soundfile

from fat2019.audio.decode import read_audio
from tests.audio.containers.sounds import ID3_V1, NOISE, RATE, uncompressed


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
