"""Audio by its first bytes."""

import io
import os

import numpy as np
import pytest
import soundfile

from fat2019.audio.sniff import begins_as_audio
from fat2019.config.audio_files import AUDIO_SUFFIXES


@pytest.mark.parametrize("format", ["WAV", "RF64", "FLAC", "OGG", "AIFF", "AU", "CAF", "W64"])
def test_a_file_of_any_name_that_begins_as_audio_is_taken_for_it(tmp_path, format):
    soundfile.write(tmp_path / "x.dat", np.zeros(99), 16_000, format=format)
    assert begins_as_audio(tmp_path / "x.dat")


def test_an_mpeg_file_is_taken_for_audio_by_its_tag_alone(tmp_path):
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    (tmp_path / "tagged").write_bytes(b"ID3\x04\x00\x00" + bytes(4) + frame)
    (tmp_path / "bare").write_bytes(frame)
    assert begins_as_audio(tmp_path / "tagged")
    assert not begins_as_audio(tmp_path / "bare")


def test_other_files_and_what_cannot_be_opened_are_none(tmp_path):
    (tmp_path / "text").write_text("some words")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    assert not any(begins_as_audio(tmp_path / name) for name in ("text", "empty", "fifo", "missing"))


def test_every_format_that_libsndfile_writes_and_that_holds_sound_alone_has_a_suffix():
    suffixes = {"WAV": ".wav", "WAVEX": ".wav", "OGG": ".ogg", "MP3": ".mp3", "NIST": ".sph", "SVX": ".8svx"}
    # Of these, files hold other things too, or two files make one sound, or nobody has them any more.
    left_out = {"RAW", "MAT4", "MAT5", "SD2", "MPC2K", "WVE", "XI"}
    formats = set(soundfile.available_formats()) - left_out
    assert {suffixes.get(name, f".{name.lower()}") for name in formats} <= set(AUDIO_SUFFIXES)


def test_what_a_format_of_this_list_holds_is_found_by_its_content_whatever_its_suffix(tmp_path):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(99), 16_000, format="FLAC")
    (tmp_path / "x.wav").write_bytes(file.getvalue())
    assert soundfile.info(tmp_path / "x.wav").format == "FLAC"
