"""FSDKaggle2019 as Zenodo keeps it."""

import shutil

import pytest

from fat2019.data.data_set import find_data_set
from tests.data.folders import ZENODO, refusal, write, zenodo


def test_the_zenodo_layout_is_read_with_test_labels_and_usage(tmp_path):
    data = find_data_set(zenodo(tmp_path))
    assert data.layout == "zenodo"
    assert data.vocabulary.names == ("Bark", "Gong", "Meow")
    assert [(clip.split, clip.fname, clip.labels, clip.usage) for clip in data.clips] == [
        ("curated", "a.wav", ("Bark",), ""),
        ("noisy", "n.wav", ("Bark", "Gong"), ""),
        ("test", "t.wav", ("Meow",), "Public"),
        ("test", "u.wav", ("Bark",), "Private"),
    ]
    assert data.clips[2].path == tmp_path / "FSDKaggle2019.audio_test/t.wav"
    assert data.sample_submission is None


def test_a_zenodo_data_set_without_its_meta_folder_is_told_what_is_missing(tmp_path):
    shutil.rmtree(zenodo(tmp_path) / f"{ZENODO}meta")
    assert refusal(tmp_path).startswith(f"{tmp_path}/{ZENODO}meta/train_curated_post_competition.csv: no such file")
    assert "test_post_competition.csv: no such file" in refusal(tmp_path, splits=("test",))


@pytest.mark.parametrize(
    "text", ["index,name,mid\n0,Bark,/m/1\n1,Gong,/m/2\n2,Meow,/m/3\n", "0,Bark,/m/1\n1,Gong,/m/2\n2,Meow,/m/3\n"]
)
def test_the_zenodo_vocabulary_may_have_a_header_and_more_columns(tmp_path, text):
    write(zenodo(tmp_path), {f"{ZENODO}meta/vocabulary.csv": text})
    assert find_data_set(tmp_path).vocabulary.names == ("Bark", "Gong", "Meow")


@pytest.mark.parametrize("text", ["Bark\nGong\nMeow\n", "0\n1\n2\n", "0,Bark\n2,Gong\n", "0,Bark\n0,Bark\n"])
def test_a_zenodo_vocabulary_that_is_not_counted_from_zero_is_refused(tmp_path, text):
    write(zenodo(tmp_path), {f"{ZENODO}meta/vocabulary.csv": text})
    assert "vocabulary.csv, line" in refusal(tmp_path)
