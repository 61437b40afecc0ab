"""FLAC streams whose headers say too much, too little or nothing."""

import numpy as np
import pytest

from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio
from tests.audio.containers.sounds import ID3_V1, NOISE, RATE, uncompressed


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
