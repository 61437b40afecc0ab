"""From audio to a store on the command line: build-features, info and verify."""

import errno
import json
import os
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fat2019.cli.features import _ways_to_mend
from tests.cli.running import failure, interrupted, run, write_rows


def test_verify_of_a_damaged_store_names_the_shard_and_exits_with_1(data, tmp_path):
    run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    [shard] = (tmp_path / "store").glob("*.h5")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    result = run("verify", tmp_path / "store")
    assert result.exit_code == 1
    assert shard.stem in result.stdout
    assert run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--repair").exit_code == 0
    assert run("verify", tmp_path / "store").exit_code == 0


def test_what_mends_a_store_its_embeddings_or_a_run_is_told_for_each(store, finished, tmp_path):
    embedding, shard = f"{tmp_path}/embeddings-yamnet/a.npy: damaged", "a.h5: damaged"
    assert list(_ways_to_mend(tmp_path, [shard])) == [f"fat2019 build-features DATA --out {tmp_path} --repair"]
    assert list(_ways_to_mend(tmp_path, [embedding])) == [f"fat2019 embed {tmp_path}"]
    assert len(list(_ways_to_mend(tmp_path, [shard, embedding]))) == 2
    assert "train it again" in next(_ways_to_mend(finished[0].path, ["model.keras: damaged"]))


def test_a_file_in_the_way_of_a_folder_is_named(data, open_store, tmp_path):
    (tmp_path / "file").write_text("mine")
    train = ("train", "--features", open_store("uint8").path, "--run")
    for command in (("build-features", data, "--out"), train, ("demo", "--out")):
        for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
            assert f"{tmp_path / 'file'}" in (message := failure(*command, out)) and "a file" in message
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_that_could_be_damaged_is_an_error_and_no_damage(tmp_path):
    assert str(tmp_path / "none") in failure("verify", tmp_path / "none")


def test_a_folder_that_may_not_be_written_is_named_without_a_traceback(store, tmp_path, monkeypatch):
    def forbidden(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    message = failure("train", "--features", store.path, "--run", tmp_path / "run")
    assert message == f"Error: {tmp_path / 'run'}: Permission denied"


def test_a_folder_of_neither_layout_is_told_what_was_looked_for(tmp_path):
    (tmp_path / "data").mkdir()
    message = failure("build-features", tmp_path / "data", "--out", tmp_path / "store")
    assert "train_curated" in message
    assert "FSDKaggle2019" in message


@pytest.mark.parametrize(
    "row, expected",
    [
        ("missing.wav,Bark", "missing.wav"),
        ("d.wav,Brak", "Brak"),
        ("../x.wav,Bark", "../x.wav"),
        ("a.wav,Bell", "a.wav"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(data, tmp_path, row, expected):
    write_rows(data, "a.wav,Bark", "b.wav,Bell", 'c.wav,"Bark,Bell"', row)
    message = failure("build-features", data, "--out", tmp_path / "store")
    assert expected in message
    assert "train_curated" in message
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("spoil", ["empty", "truncated", "text"])
def test_audio_that_cannot_be_used_is_left_out_with_its_reason_and_strict_makes_it_an_error(data, tmp_path, spoil):
    path = data / "train_curated" / "b.wav"
    path.write_bytes({"empty": b"", "truncated": path.read_bytes()[:9000], "text": b"no sound " * 100}[spoil])
    message = failure("build-features", data, "--out", tmp_path / "strict", "--workers", 1, "--strict")
    assert "b.wav" in message
    assert not list(tmp_path.glob("strict/*.h5"))
    result = run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert result.exit_code == 0
    assert "left out: b.wav" in result.stdout
    assert json.loads(run("info", tmp_path / "store", "--json").stdout)["clips"] == 3


@pytest.mark.parametrize(
    "rate, channels, subtype",
    [
        (44_100, 1, "PCM_16"),
        (8_000, 2, "PCM_16"),
        (22_050, 1, "PCM_U8"),
        (48_000, 2, "PCM_24"),
        (16_000, 1, "FLOAT"),
        (96_000, 1, "PCM_32"),
        (11_025, 6, "DOUBLE"),
    ],
)
def test_other_rates_channels_and_sample_formats_are_read_and_sound_the_same(data, tmp_path, rate, channels, subtype):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(data / "train_curated" / "b.wav", np.repeat(tone[:, None], channels, axis=1), rate, subtype=subtype)
    assert run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--strict").exit_code == 0
    from fat2019.store.reader import FeatureStore

    audio = FeatureStore.open(tmp_path / "store").audio("b.wav") / 32768
    assert len(audio) == 16_000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    middle = slice(1000, 15_000)  # a resampler's filter rings at the ends
    np.testing.assert_allclose(audio[middle], expected[middle], atol=0.01)


def test_a_store_of_another_format_version_is_refused(data, tmp_path):
    assert run("build-features", data, "--out", tmp_path / "store", "--workers", 1).exit_code == 0
    manifest = tmp_path / "store" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version":2', '"format_version":99'))
    assert "99" in failure("info", tmp_path / "store")


def test_interrupting_a_build_exits_with_130_and_says_how_to_go_on(data, tmp_path):
    rng = np.random.default_rng(1)
    for number in range(300):  # enough that the build is still at work
        soundfile.write(data / "train_curated" / f"more{number}.wav", rng.normal(0, 0.1, 80_000), 16_000)
    write_rows(data, *(f"more{number}.wav,Bark" for number in range(300)))
    started = tmp_path / "store" / "build.journal"
    command = ["build-features", data, "--out", tmp_path / "store", "--workers", 1]
    _, said = interrupted(command, lambda _: started.exists())
    assert (
        said.splitlines()[-1]
        == "Error: interrupted; run the same command again to resume from the last finished shards"
    )


def test_wave_files_of_the_standard_library_are_read(data, tmp_path):
    with wave.open(os.fspath(data / "train_curated" / "b.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.arange(-8000, 8000, dtype=np.int16).tobytes())
    assert run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--strict").exit_code == 0
