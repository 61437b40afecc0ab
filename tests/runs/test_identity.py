import errno
import fcntl

import pytest

from fat2019.config.model import ModelConfig
from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.runs.configuration import read_config
from fat2019.runs.identity import begin_or_resume, identity
from fat2019.utils.lock import run_lock


def configuration(path):
    config = read_config(path)
    assert config.pop("format") == 2
    return config


def test_a_new_folder_is_begun_and_continued_with_the_same_settings_only(tmp_path):
    path = tmp_path / "deep" / "run"
    wanted = {"train": {"seed": 0, "stages": ({"epochs": 2},)}, "vocabulary": ["A"]}
    begin_or_resume(path, wanted, {"versions": {}})
    (path / "model.keras").touch()
    begin_or_resume(path, wanted, {"versions": {"numpy": "2.0"}})
    assert configuration(path) == {
        "train": {"seed": 0, "stages": [{"epochs": 2}]},
        "vocabulary": ["A"],
        "versions": {},
    }
    with pytest.raises(DataError, match=r"train\.seed 0 instead of 1, train\.stages\[0\]\.epochs 2 instead of 3"):
        begin_or_resume(path, {**wanted, "train": {"seed": 1, "stages": ({"epochs": 3},)}}, {})


def test_a_command_that_failed_before_its_first_epoch_does_not_stand_in_the_way_of_the_corrected_one(tmp_path):
    begin_or_resume(tmp_path, {"train": {"weights": "imagenet"}}, {})
    (tmp_path / "split.csv").touch()
    begin_or_resume(tmp_path, {"train": {"weights": "none"}}, {"versions": 1})
    assert configuration(tmp_path) == {"train": {"weights": "none"}, "versions": 1}
    assert not (tmp_path / "split.csv").exists()


def test_what_stands_for_a_lock_where_there_are_none_does_not_stand_in_the_way(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with run_lock(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] != []
        begin_or_resume(tmp_path, {"train": {"seed": 1}}, {})
    assert (tmp_path / "config.json").is_file()


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


def test_a_run_is_resumed_with_another_tensorflow_or_onednn_after_a_warning(tmp_path, caplog):
    wanted = {"train": {"seed": 0}}
    begin_or_resume(tmp_path, wanted, {"versions": {"tensorflow": "2.20.0"}, "onednn": "off"})
    (tmp_path / "model.keras").touch()
    begin_or_resume(tmp_path, wanted, {"versions": {"tensorflow": "2.20.0"}, "onednn": "off"})
    assert not caplog.messages
    begin_or_resume(tmp_path, wanted, {"versions": {"tensorflow": "2.21.0"}, "onednn": "on"})
    assert "resumed with TensorFlow 2.21.0 instead of 2.20.0, oneDNN on instead of off: numbers may" in caplog.text


def test_an_edited_configuration_is_not_resumed(tmp_path):
    begin_or_resume(tmp_path, {"train": {"seed": 0}}, {})
    (tmp_path / "model.keras").touch()
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(DataError, match=r"config\.json: does not match its own digest"):
        begin_or_resume(tmp_path, {"train": {"seed": 1}}, {})


def test_weights_of_a_backbone_are_known_by_their_bytes_and_not_by_their_name(store, tmp_path):
    weights = tmp_path / "backbone.weights.h5"
    weights.write_bytes(b"one")
    config = TrainConfig(ModelConfig("mobilenetv2", weights=str(weights)))
    begin_or_resume(tmp_path / "run", identity(store, config), {})
    (tmp_path / "run" / "model.keras").touch()
    begin_or_resume(tmp_path / "run", identity(store, config), {})
    weights.write_bytes(b"two")
    with pytest.raises(DataError, match=r"weights_sha256 '.*' instead of '.*'"):
        begin_or_resume(tmp_path / "run", identity(store, config), {})
    weights.unlink()  # which the first epoch alone needed
    begin_or_resume(tmp_path / "run", identity(store, config), {})
