import pytest

from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def test_unverified_clips_are_the_noisy_ones_and_test_clips_have_their_usage(tmp_path):
    data = find_data_set(mocks.fsdkaggle2018(tmp_path))
    assert [(clip.split, clip.fname, clip.labels, clip.usage) for clip in data.clips] == [
        ("curated", "b.wav", ("Saxophone",), ""),
        ("curated", "c.wav", ("Hi-hat",), ""),
        ("curated", "d.wav", ("Saxophone",), ""),
        ("curated", "e.wav", ("Hi-hat",), ""),
        ("noisy", "a.wav", ("Hi-hat",), ""),
        ("test", "t.wav", ("Hi-hat",), "Private"),
    ]


def test_the_edition_of_the_competition_has_test_clips_without_labels(tmp_path):
    for index, name in enumerate(("audio_train/a.wav", "audio_train/b.wav", "audio_test/t.wav")):
        mocks.write_audio(tmp_path / name, seed=index)
    rows = [["a.wav", "Hi-hat", 1], ["b.wav", "Flute", 0]]
    mocks.write_table(tmp_path / "train.csv", ["fname", "label", "manually_verified"], rows)
    data = find_data_set(tmp_path)
    assert data.layout == "fsdkaggle2018"
    assert [(clip.split, clip.labels) for clip in data.clips] == [
        ("curated", ("Hi-hat",)),
        ("noisy", ("Flute",)),
        ("test", ()),
    ]


def test_a_mark_that_is_neither_0_nor_1_is_refused_with_its_line(tmp_path):
    path = mocks.fsdkaggle2018(tmp_path) / "FSDKaggle2018.meta/train_post_competition.csv"
    path.write_text(path.read_text().replace("Hi-hat,0", "Hi-hat,no"))
    with pytest.raises(DataError, match=r"line 2: manually_verified: expected 0 or 1, received 'no'"):
        find_data_set(tmp_path)
