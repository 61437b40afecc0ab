"""Formats of which libsndfile reads what is there."""

import pytest

from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
from tests.audio.containers.sounds import NOISE, RATE, uncompressed


@pytest.mark.parametrize("format", ["AVR", "NIST", "SVX", "VOC", "MAT4"])
def test_formats_without_a_rule_of_their_own_are_refused_when_cut(tmp_path, format):
    path, whole = tmp_path / "x", uncompressed(format)
    path.write_bytes(whole)
    assert len(read_audio(path, RATE).samples) == len(NOISE)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableAudio, match="truncated"):
        read_audio(path, RATE)
