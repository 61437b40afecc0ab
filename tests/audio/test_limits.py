"""How long a clip may be."""

import pytest

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
