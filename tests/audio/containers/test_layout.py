"""Files that were joined to one are read one after another, or refused."""

import numpy as np
import pytest

from fat2019.audio.decode import read_audio
from tests.audio.containers.sounds import FORMATS, NOISE, RATE, encoded, uncompressed


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
