import shutil

import pytest

from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from tests import mock_data_sets as mocks


def test_the_parts_become_curated_and_test_clips_and_a_validation_fold(tmp_path):
    data = find_data_set(mocks.fsd50k(tmp_path))
    assert data.vocabulary.names == ("Bark", "Animal", "Siren")  # in the order of vocabulary.csv
    assert [(clip.split, clip.fname, clip.labels, clip.fold, clip.group) for clip in data.clips] == [
        ("curated", "16399.wav", ("Siren",), "", "user1"),
        ("curated", "21914.wav", ("Animal", "Bark"), VALIDATION_FOLD, "user0"),
        ("curated", "64760.wav", ("Animal", "Bark"), "", "user0"),
        ("curated", "7.wav", ("Siren",), VALIDATION_FOLD, "user1"),
        ("test", "37199.wav", ("Siren",), "", ""),
        ("test", "8.wav", ("Animal", "Bark"), "", ""),
    ]


def test_the_metadata_may_be_missing(tmp_path):
    shutil.rmtree(mocks.fsd50k(tmp_path) / "FSD50K.metadata")
    assert {clip.group for clip in find_data_set(tmp_path).clips} == {""}


def test_another_word_for_a_part_is_refused_with_its_line(tmp_path):
    path = mocks.fsd50k(tmp_path) / "FSD50K.ground_truth/dev.csv"
    path.write_text(path.read_text().replace(",val", ",dev"))
    with pytest.raises(DataError, match=r"dev.csv, line 4: split: expected one of train, val, received 'dev'"):
        find_data_set(tmp_path)
