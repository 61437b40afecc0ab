"""What decoders yield is what a block promises, whichever library decodes."""

import numpy as np
import pytest
import soundfile

from fat2019.audio.decode import _opened, _reader

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def by_soundfile(path, subtype):
    soundfile.write(path, np.stack([TONE, -TONE], axis=1), RATE, subtype=subtype)


def by_ffmpeg(path, subtype):
    av = pytest.importorskip("av", reason="the extra [av] is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([TONE, -TONE]), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


@pytest.mark.parametrize(
    ("write", "name", "subtype"),
    [
        (by_soundfile, "x.wav", "PCM_16"),
        (by_soundfile, "x.wav", "FLOAT"),
        (by_soundfile, "x.flac", "PCM_24"),
        (by_soundfile, "x.ogg", "VORBIS"),
        (by_ffmpeg, "x.m4a", "LOSSY"),
    ],
)
def test_samples_are_frames_by_channels_on_the_scale_of_int16_at_the_rate_of_the_file(tmp_path, write, name, subtype):
    path = tmp_path / name
    write(path, subtype)
    with _opened(path) as file:
        blocks = list(_reader(path, file, 60).blocks())
    assert {(block.samples.dtype, block.rate_hz, block.subtype) for block in blocks} == {
        (np.dtype("float32"), RATE, subtype)
    }
    samples = np.concatenate([block.samples for block in blocks])
    if subtype in ("VORBIS", "LOSSY"):  # which keep neither the samples nor, in whole packets, their number
        assert abs(len(samples) - len(TONE)) <= 2048
        np.testing.assert_allclose(samples.std(axis=0), 32_768 * TONE.std(), rtol=0.05)
        assert np.corrcoef(samples.T)[0, 1] < -0.99
    else:
        np.testing.assert_allclose(samples, 32_768 * np.stack([TONE, -TONE], axis=1), atol=1)


def test_a_long_recording_comes_in_pieces_without_a_gap(tmp_path):
    ramp = np.arange(2_500_000, dtype=np.int32).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", ramp, RATE)
    with _opened(tmp_path / "x.wav") as file:
        blocks = [block.samples[:, 0] for block in _reader(tmp_path / "x.wav", file, 600).blocks()]
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), ramp)
