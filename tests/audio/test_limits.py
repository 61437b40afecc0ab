"""How long a clip may be."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
from tests.audio.recordings import NOISE, RATE, write


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


SILENCE_UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    read_audio(Path(sys.argv[1]), 16_000)
except UnreadableAudio as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("announced", [True, False])
def test_thirty_hours_in_a_small_file_are_refused_within_three_gigabytes(tmp_path, announced):
    path = tmp_path / "x.flac"
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(180):
            file.write(np.zeros(8_000 * 600, np.int16))
    if not announced:
        data = bytearray(path.read_bytes())
        data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
        path.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", SILENCE_UNDER_A_LIMIT, path], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{path}: ") and "hours are too long, 6.0 hours are the most" in done.stdout
