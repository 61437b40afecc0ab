import pytest

from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def test_file_names_are_relative_to_their_metadata_and_parts_become_splits(tmp_path):
    data = find_data_set(mocks.audiofolder(tmp_path))
    assert data.vocabulary.names == ("bark", "meow")
    assert [(clip.split, clip.fname) for clip in data.clips][:2] == [
        ("curated", "train__clips__0.mp3"),
        ("curated", "train__clips__1.mp3"),
    ]
    assert data.clips[-1].path == tmp_path / "test/clips/1.mp3" and data.clips[-1].split == "test"


def test_a_validation_part_is_a_fold_of_the_curated_clips(tmp_path):
    (mocks.audiofolder(tmp_path) / "test").rename(tmp_path / "validation")
    assert [(clip.split, clip.fold) for clip in find_data_set(tmp_path).clips] == [
        *[("curated", "")] * 4,
        *[("curated", VALIDATION_FOLD)] * 2,
    ]


def test_one_metadata_file_may_serve_the_whole_folder(tmp_path):
    for index in range(2):
        mocks.write_audio(tmp_path / f"data/{index}.flac", seed=index)
    rows = [["data/0.flac", "Dog,Cat"], ["data/1.flac", "Dog"]]
    mocks.write_table(tmp_path / "metadata.csv", ["file_name", "labels"], rows)
    data = find_data_set(tmp_path)
    assert (data.layout, data.clips[0].fname, data.clips[0].labels) == ("audiofolder", "data__0.flac", ("Cat", "Dog"))


def test_a_label_column_of_another_name_is_named_by_columns(tmp_path):
    mocks.write_audio(tmp_path / "0.wav")
    mocks.write_table(tmp_path / "metadata.csv", ["file_name", "bird"], [["0.wav", "Owl"]])
    with pytest.raises(DataError, match=r"has a usual name for labels .*--columns labels="):
        find_data_set(tmp_path)
    assert find_data_set(tmp_path, columns={"labels": "bird"}).clips[0].labels == ("Owl",)


def test_a_file_that_is_not_there_is_missed_with_what_is_nearest(tmp_path):
    mocks.write_audio(tmp_path / "0.WAV")
    mocks.write_table(tmp_path / "metadata.csv", ["file_name", "label"], [["0.wav", "Owl"]])
    with pytest.raises(DataError, match=r"1 of 1 rows name files .*there is '0.WAV': capitals"):
        find_data_set(tmp_path)
