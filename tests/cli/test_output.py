"""What commands say, and where."""

import json
import logging
import math
from pathlib import Path

from fat2019.cli.output import epoch_line, print_result, say_what_was_found
from fat2019.data.clip import DataSet
from fat2019.data.vocabulary import Vocabulary
from tests.cli.running import run


def test_json_is_alone_on_standard_output(data, tmp_path):
    result = run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["clips"] == 4
    again = run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert "up to date, 4 clips" in again.stdout
    assert json.loads(run("info", tmp_path / "store", "--json").stdout)["splits"]["curated"]["clips"] == 4
    assert json.loads(run("verify", tmp_path / "store", "--deep", "--json").stdout)["problems"] == []
    assert json.loads(run("recipes", "--json").stdout)["recipes"]


def test_a_quiet_command_says_nothing_but_its_result(trained, tmp_path):
    for command in (("evaluate", trained), ("predict", trained, "--out", tmp_path / "submission.csv")):
        assert "clips: " in run(*command).stderr
        assert run("--quiet", *command).stderr == run(*command, "-q").stderr == ""


def test_what_is_no_number_is_null_in_json_and_names_are_printable(capsys):
    print_result({"score": math.nan, "rows": [(1.5, math.inf)], "path": Path("x")}, True, [])
    assert json.loads(capsys.readouterr().out) == {"score": None, "rows": [[1.5, None]], "path": "x"}
    print_result({}, False, ["a\x1b[2Jb", "c"])
    assert capsys.readouterr().out == "a\\x1b[2Jb\nc\n"


def test_an_epoch_says_how_long_the_stages_that_are_left_will_take(caplog):
    caplog.set_level(logging.INFO, "fat2019")
    show = epoch_line((2, 3), of=" of fold 1")
    row = {"loss": 1.0, "lwlrap": 0.5, "val_loss": 2.0, "val_lwlrap": 0.25}
    for stage, epoch, seconds in ((1, 1, 9.0), (1, 2, 2.0), (2, 1, 2.0)):
        show({**row, "stage": stage, "epoch": epoch, "seconds": seconds})
    assert caplog.messages[0].endswith("; 9.0 s")  # of which most prepared the training step
    left = [line.rpartition("about ")[2] for line in caplog.messages[1:]]
    assert left == ["6 s left of fold 1", "4 s left of fold 1"]


def test_the_line_of_an_epoch_counts_the_epochs_of_all_stages_that_are_left(caplog):
    caplog.set_level(logging.INFO, "fat2019")
    show = epoch_line([3, 10])
    row = {"loss": 0.5, "lwlrap": 0.4, "val_loss": 0.6, "val_lwlrap": 0.3}
    for stage, epoch, seconds in ((1, 3, 2.0), (2, 1, 4.0), (2, 10, 3.0)):
        show({"stage": stage, "epoch": epoch, "seconds": seconds, **row})
    ends = [message.split("; ")[-1] for message in caplog.messages]
    assert ends == ["2.0 s", "4.0 s, about 36 s left", "3.0 s, about 0 s left"]


def test_a_slow_first_epoch_does_not_stretch_the_time_that_is_left(caplog):
    caplog.set_level(logging.INFO, "fat2019")
    show = epoch_line([12])
    row = {"stage": 1, "loss": 0.5, "lwlrap": 0.4, "val_loss": 0.6, "val_lwlrap": 0.3}
    for epoch, seconds in enumerate((13.0, 2.0, 2.0), start=1):
        show({"epoch": epoch, "seconds": seconds, **row})
    assert caplog.messages[-1].endswith("2.0 s, about 18 s left")


def test_a_session_that_resumes_tells_the_time_left_from_its_second_epoch_on(caplog):
    caplog.set_level(logging.INFO, "fat2019")
    show = epoch_line((10,))
    row = {"stage": 1, "loss": 1.0, "lwlrap": 0.5, "val_loss": 2.0, "val_lwlrap": 0.25}
    for epoch, seconds in ((7, 9.0), (8, 1.0)):
        show({**row, "epoch": epoch, "seconds": seconds})
    assert [line.rpartition("; ")[2] for line in caplog.messages] == ["9.0 s", "1.0 s, about 2 s left"]


def test_files_that_are_left_out_are_named_by_reason_and_counted_where_they_are_many(caplog):
    caplog.set_level(logging.INFO, "fat2019")
    left_out = (*((f"{number}.wav", "no row in t.csv") for number in range(7)), ("x.wav", "known to be wrong"))
    say_what_was_found(DataSet(Path("d"), "table", Vocabulary(("A", "B")), (), left_out, None, ("a note",)))
    assert caplog.messages[1:] == [
        "a note",
        "left out, no row in t.csv: 0.wav, 1.wav, 2.wav, 3.wav, 4.wav and 2 more",
        "left out, known to be wrong: x.wav",
    ]
