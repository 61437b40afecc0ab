"""Training and label cleaning on the command line."""

import json
from pathlib import Path

import pytest

import fat2019.cli.train
from fat2019.training import trainer as training
from tests.cli.running import failure, interrupted, ran, run
from tests.interrupted_training import tiny_network


def test_a_training_that_cannot_begin_leaves_no_folder(store, tmp_path):
    given = ("--features", store.path, "--relabel", tmp_path / "none.csv", "--run", tmp_path / "run")
    message = failure("train", *given, "--splits", "curated,noisy")
    assert str(tmp_path / "none.csv") in message and "noisy clips" not in message
    assert "none are trained on; add --splits curated,noisy" in failure("train", *given)
    assert not (tmp_path / "run").exists()


def test_train_evaluate_and_predict_hand_over_to_one_another(tiny_data, tmp_path):
    store, trained, out = tmp_path / "store", tmp_path / "run", tmp_path / "submission.csv"
    assert run("build-features", tiny_data, "--out", store, "--workers", 1).exit_code == 0
    options = (
        *("train", "--features", store, "--run", trained, "--recipe", "best", "--width", 4, "--epochs", 2),
        *("--batch-size", 8, "--spec-augment", "--mixup", 0.3, "--splits", "curated,noisy"),
    )
    result = run(*options, "--json")
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert 0 < metrics["validation"]["lwlrap"] <= 1
    assert json.loads(run("evaluate", trained, "--json").stdout)["validation"]["lwlrap"] == pytest.approx(
        metrics["validation"]["lwlrap"]
    )
    result = run("predict", trained, trained, "--sample", tiny_data / "sample_submission.csv", "--out", out, "--json")
    assert json.loads(result.stdout)["clips"] == 8
    sample, ours = (path.read_text().splitlines() for path in (tiny_data / "sample_submission.csv", out))
    assert ours[0] == sample[0]
    assert [line.split(",")[0] for line in ours] == [line.split(",")[0] for line in sample]
    assert "0.001" in failure(*options, "--lr", 0.001)  # another run would have to go elsewhere
    assert run("average", out, out, "--out", tmp_path / "mean.csv").exit_code == 0
    assert (tmp_path / "mean.csv").read_text().splitlines()[0] == sample[0]


def test_relabel_judges_the_noisy_clips_and_train_takes_it_up_fold_by_fold(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)  # prepared in little time
    judged = tmp_path / "judged.csv"
    common = ["--features", str(store.path), "--recipe", "best-noisy", "--epochs", "1", "--batch-size", "8", "--json"]
    where = ["--out", str(judged), "--work", str(tmp_path / "work"), "--parts", "2"]
    result = json.loads(ran("relabel", *common, *where).stdout)
    assert sum(result["uses"].values()) == result["clips"] == 14 == len(judged.read_text().splitlines()) - 1
    folds = ["--run", str(tmp_path / "run"), "--relabel", str(judged), "--folds", "2"]
    runs = json.loads(ran("train", *common, *folds).stdout)["runs"]
    assert [Path(run["run"]).name for run in runs] == ["fold-1", "fold-2"]
    again = json.loads(ran("train", *common, *folds[2:], "--fold", "2", "--run", runs[1]["run"]).stdout)
    assert again == runs[1]  # which was finished already
    ran("predict", *(run["run"] for run in runs), "--out", str(tmp_path / "submission.csv"))


def test_interrupting_a_quiet_training_says_only_how_to_go_on_and_the_same_command_does(store, tmp_path, monkeypatch):
    history = tmp_path / "run" / "history.csv"

    def epochs():
        return len(history.read_text().splitlines()) - 1 if history.exists() else 0

    def interrupt(row):
        raise KeyboardInterrupt

    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")  # it is for the command to make TensorFlow quiet
    command = ["--quiet", "train", "--features", store.path, "--run", tmp_path / "run", "--epochs", 5000]
    printed, said = interrupted(command, lambda _: epochs() >= 1)
    assert (printed, said) == (
        "",
        "Error: interrupted; run the same command again to resume from the last finished epoch\n",
    )
    assert "epoch 1: loss" in (tmp_path / "run" / "log.txt").read_text()  # which is told what the terminal is not
    done, finished = history.read_text(), epochs()
    # Again in this process, as soon as an epoch more is finished.
    monkeypatch.setattr(fat2019.cli.train, "epoch_line", lambda epochs: interrupt)
    result = run(*command)
    assert (result.exit_code, result.stderr) == (130, said)
    assert history.read_text().startswith(done) and epochs() == finished + 1
