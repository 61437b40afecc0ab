"""Formats that are read with the extra [av]."""

import sys

import numpy as np
import pytest

from fat2019.audio.decode import read_audio, seconds_of
from fat2019.errors import UnreadableAudio

RATE = 16_000
av = pytest.importorskip("av")


@pytest.fixture(params=[("m4a", "aac"), ("webm", "libopus"), ("aac", "aac")], ids=lambda param: param[0])
def encoded(request, tmp_path):
    """Two seconds of a tone, left and right, at 48 kHz."""
    suffix, codec = request.param
    tone = (0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * 48_000) / 48_000)).astype(np.float32)
    path = tmp_path / f"x.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def test_a_tone_is_read_at_its_length_and_loudness(encoded):
    found = read_audio(encoded, RATE)
    assert found.source_rate_hz == 48_000
    assert abs(len(found.samples) - 2 * RATE) < 0.1 * RATE
    middle = found.samples[RATE // 2 : -RATE // 2]
    assert middle.std() == pytest.approx(0.4 / np.sqrt(2) * 32_768, rel=0.05)
    assert np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * RATE / len(middle) == pytest.approx(
        440, abs=2
    )
    assert seconds_of(encoded) == pytest.approx(2, abs=0.1)


def test_its_content_counts_and_not_its_name(encoded):
    path = encoded.rename(encoded.with_suffix(".wav"))
    assert len(read_audio(path, RATE).samples) > RATE


def test_a_cut_file_is_read_to_its_cut_or_refused(encoded):
    data = encoded.read_bytes()
    encoded.write_bytes(data[: len(data) // 2])
    try:
        assert len(read_audio(encoded, RATE).samples) < 1.5 * RATE
    except UnreadableAudio as error:
        assert "copy it again" in str(error)


def test_without_the_library_the_extra_is_named(encoded, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "av", raising=False)
    with pytest.raises(
        UnreadableAudio, match=r"needs the extra \[av\]: av is not installed; pip install 'fat2019\[av\]'"
    ):
        read_audio(encoded, RATE)


def test_a_longer_one_than_the_most_is_refused(encoded):
    with pytest.raises(UnreadableAudio, match="too long"):
        read_audio(encoded, RATE, most_s=1)
