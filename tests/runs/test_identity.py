import pytest

from fat2019.errors import DataError
from fat2019.runs.identity import begin_or_resume
from fat2019.utils.files import read_json


def test_a_new_folder_is_begun_and_continued_with_the_same_settings_only(tmp_path):
    path = tmp_path / "deep" / "run"
    wanted = {"train": {"seed": 0, "stages": ({"epochs": 2},)}, "vocabulary": ["A"]}
    begin_or_resume(path, wanted, {"versions": 1})
    (path / "model.keras").touch()
    begin_or_resume(path, wanted, {"versions": 2})
    assert read_json(path / "config.json") == {
        "train": {"seed": 0, "stages": [{"epochs": 2}]},
        "vocabulary": ["A"],
        "versions": 1,
    }
    with pytest.raises(DataError, match=r"train\.seed 0 instead of 1, train\.stages\[0\]\.epochs 2 instead of 3"):
        begin_or_resume(path, {**wanted, "train": {"seed": 1, "stages": ({"epochs": 3},)}}, {})


def test_a_command_that_failed_before_its_first_epoch_does_not_stand_in_the_way_of_the_corrected_one(tmp_path):
    begin_or_resume(tmp_path, {"train": {"weights": "imagenet"}}, {})
    (tmp_path / "split.csv").touch()
    begin_or_resume(tmp_path, {"train": {"weights": "none"}}, {"versions": 1})
    assert read_json(tmp_path / "config.json") == {"train": {"weights": "none"}, "versions": 1}
    assert not (tmp_path / "split.csv").exists()


def test_a_folder_with_something_else_in_it_is_not_made_a_run(tmp_path):
    (tmp_path / ".unfinished-config.json").write_text("{")  # what a kill at the very beginning leaves
    begin_or_resume(tmp_path, {"train": {}}, {})
    (tmp_path / "config.json").rename(tmp_path / "letters.txt")
    with pytest.raises(DataError, match="neither empty nor a run"):
        begin_or_resume(tmp_path, {}, {})


def test_the_configuration_of_another_program_is_not_taken_for_that_of_a_run(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["ASTModel"]}')
    with pytest.raises(DataError, match="neither empty nor a run"):
        begin_or_resume(tmp_path, {"train": {}}, {})
    assert "ASTModel" in (tmp_path / "config.json").read_text()
