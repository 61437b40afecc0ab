"""CAF files: chunks in any order, lengths left open, and what follows the samples."""

import io
import struct

import numpy as np

from fat2019.audio.containers.caf import is_caf, read_caf
from fat2019.audio.decode import read_audio
from tests.audio.containers.sounds import NOISE, RATE, uncompressed


def chunk(name, content, length=None):
    return struct.pack(">4sq", name, len(content) if length is None else length) + content


def caf(*chunks):
    described = struct.pack(">d4s5I", RATE, b"lpcm", 0, 2, 1, 1, 16)
    return b"caff\0\1\0\0" + chunk(b"desc", described) + b"".join(chunks)


DATA = bytes(4) + NOISE.astype(">i2").tobytes()


def test_what_libsndfile_writes_is_one_whole_part():
    data = uncompressed("CAF")
    found = read_caf(io.BytesIO(data), 0, len(data))
    assert is_caf(data) and found.end == len(data) and len(found.parts) == 1 and not found.notes


def test_a_length_that_is_left_open_means_to_the_end(tmp_path):
    path = tmp_path / "x.caf"
    path.write_bytes(caf(chunk(b"data", DATA, length=-1)))
    np.testing.assert_array_equal(read_audio(path, RATE).samples, NOISE)


def test_chunks_around_the_samples_are_no_sound(tmp_path):
    path = tmp_path / "x.caf"
    path.write_bytes(caf(chunk(b"free", bytes(30)), chunk(b"data", DATA), chunk(b"info", b"text")))
    found = read_audio(path, RATE)
    np.testing.assert_array_equal(found.samples, NOISE)
    assert found.notes == ()


def test_a_file_without_samples_and_one_with_too_few_are_cut_short():
    data = caf(chunk(b"free", bytes(30)))
    assert read_caf(io.BytesIO(data), 0, len(data)).truncation == "a CAF file that ends before its samples"
    data = caf(chunk(b"data", DATA))[:-10]
    assert "announces 10000 bytes of samples, the file has 9990" in read_caf(io.BytesIO(data), 0, len(data)).truncation
