"""The suffixes by which files are taken for audio."""

import pytest
import soundfile

from fat2019.config.audio_files import AUDIO_SUFFIXES
from fat2019.data.names import is_audio


def test_each_suffix_stands_once_as_names_are_compared():
    assert len(set(AUDIO_SUFFIXES)) == len(AUDIO_SUFFIXES)
    assert all(
        suffix == suffix.lower() and suffix.startswith(".") and suffix[1:].isalnum() for suffix in AUDIO_SUFFIXES
    )


# Libsndfile writes them as sound, and other programs write tables and pictures under the same names.
@pytest.mark.parametrize("suffix", [".mat", ".raw", ".csv", ".json", ".txt", ".png", ".h5"])
def test_what_seldom_is_sound_is_none(suffix):
    assert not is_audio(f"x{suffix}")


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64", "RF64"])
def test_the_usual_formats_are_audio_in_any_case(format):
    assert format in soundfile.available_formats()
    assert is_audio(f"x.{format.lower()}") and is_audio(f"x.{format}")
