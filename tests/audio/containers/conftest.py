"""What becomes of bytes that are no file yet."""

import pytest

from fat2019.audio.containers.layout import layout_of
from fat2019.audio.decode import read_audio
from fat2019.errors import UnreadableAudio


@pytest.fixture
def reason(tmp_path):
    """``reason(data)``: how these bytes are cut short, if they are."""

    def written(data):
        (tmp_path / "x").write_bytes(data)
        with (tmp_path / "x").open("rb") as file:
            return layout_of(file).truncation

    return written


@pytest.fixture
def decoded(tmp_path):
    """``decoded(data)``: how many samples these bytes are, or what is wrong with them."""

    def read(data):
        (tmp_path / "x.mp3").write_bytes(data)
        try:
            return read_audio(tmp_path / "x.mp3", 16_000).source_samples
        except UnreadableAudio as error:
            return str(error)

    return read
