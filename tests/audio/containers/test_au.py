"""AU files in either order of bytes, and those that end early."""

import io

import numpy as np
import pytest
import soundfile

from fat2019.audio.containers.au import is_au, read_au
from fat2019.audio.containers.part import Part
from tests.audio.containers.sounds import NOISE, RATE


@pytest.mark.parametrize("endian", ["BIG", "LITTLE"])
@pytest.mark.parametrize(("subtype", "sample_bytes"), [("PCM_16", 2), ("PCM_24", 3), ("ULAW", 1), ("FLOAT", 4)])
def test_a_whole_file_is_one_part_in_either_order_of_bytes(endian, subtype, sample_bytes):
    file = io.BytesIO()
    soundfile.write(file, np.stack([NOISE, NOISE], axis=1), RATE, format="AU", subtype=subtype, endian=endian)
    size = len(file.getvalue())
    assert is_au(file.getvalue())
    found = read_au(file, 0, size)
    assert (found.parts, found.end, found.notes) == ((Part(0, 0, size),), size, ())
    cut = read_au(file, 0, size - 1)
    assert f"announces {2 * len(NOISE) * sample_bytes} bytes of samples" in cut.truncation


def test_a_file_that_ends_within_its_header_is_cut_short():
    found = read_au(io.BytesIO(b".snd" + bytes(19)), 0, 23)
    assert found.truncation == "an AU file that ends within its header"


def test_other_files_are_none():
    assert not is_au(b"RIFF\0\0\0\0WAVE")
