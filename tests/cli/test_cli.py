"""The commands as a user gives them: what they print, where, and how they fail."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import fat2019.cli.train
from fat2019.cli import main
from fat2019.cli.features import _ways_to_mend
from fat2019.serving import tagger as tagging
from fat2019.training import trainer as training
from tests.interrupted_training import tiny_network
from tests.run_folders import make_run

ROOT = Path(__file__).parents[2]
LIGHT = (
    "fat2019.config.features",
    "fat2019.data.vocabulary",
    "fat2019.data.data_set",
    "fat2019.audio.decode",
    "fat2019.audio.silence",
    "fat2019.audio.logmel",
    "fat2019.store.reader",
    "fat2019.store.builder",
    "fat2019.store.verify",
    "fat2019.cli",
)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def failure(*arguments):
    """The message of a command that must fail as bad input does."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def data(tmp_path):
    """A data set of four clips in Kaggle's layout, to be spoilt."""
    root = tmp_path / "data"
    (root / "train_curated").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        soundfile.write(root / "train_curated" / f"{name}.wav", rng.normal(0, 0.1, 8000), 16_000)
    write_rows(root, "a.wav,Bark", "b.wav,Bell", 'c.wav,"Bark,Bell"', "d.wav,Bell")
    (root / "sample_submission.csv").write_text("fname,Bark,Bell\n")
    return root


def write_rows(root, *rows):
    (root / "train_curated.csv").write_text("\n".join(["fname,labels", *rows]) + "\n")


def test_help_needs_no_heavy_library_and_neither_do_the_modules_of_the_workers():
    heavy = ("tensorflow", "keras", "librosa", "numba", "matplotlib", "pandas", "sklearn", "rich")
    program = (
        f"import sys, importlib\n[importlib.import_module(name) for name in {LIGHT}]\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout.strip()
        == "[]"
    )


def test_the_script_and_the_installed_command_are_the_same():
    script = subprocess.run([sys.executable, "cli.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    module = subprocess.run(
        [sys.executable, "-c", "from fat2019.cli import main; main()", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert script.stdout.replace("cli.py", "-c") == module.stdout
    assert "build-features" in script.stdout


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_and_option_explains_itself(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert main.commands[command].help
    for parameter in main.commands[command].params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_json_is_alone_on_standard_output(data, tmp_path):
    result = run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["clips"] == 4
    again = run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert "up to date, 4 clips" in again.stdout
    assert json.loads(run("info", tmp_path / "store", "--json").stdout)["splits"]["curated"]["clips"] == 4
    assert json.loads(run("verify", tmp_path / "store", "--deep", "--json").stdout)["problems"] == []
    assert json.loads(run("recipes", "--json").stdout)["recipes"]


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


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "nothing") in failure("build-features", tmp_path / "nothing", "--out", tmp_path / "store")
    assert not (tmp_path / "store").exists()


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


def test_no_store_no_run_and_no_recipe_are_told_apart(data, tmp_path):
    assert str(tmp_path / "none") in failure("info", tmp_path / "none")
    assert str(tmp_path / "none") in failure("evaluate", tmp_path / "none")
    run("build-features", data, "--out", tmp_path / "store", "--workers", 1)
    assert "recipe" in failure("train", "--features", tmp_path / "store", "--recipe", "none", "--run", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_misspelt_commands_recipes_and_options_are_answered_with_the_near_ones():
    for command, near in (
        (("trian",), "'train'"),
        (("train", "--optimiser", "adam"), "--optimizer"),
        (("train", "--recipe", "bset"), "did you mean best?"),
        (("train", "--recipe", "xyz"), "`fat2019 recipes` lists them"),
    ):
        result = run(*command)
        assert result.exit_code == 2
        assert near in result.stderr


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_examples_that_it_takes(name):
    command = main.commands[name]
    assert command.examples
    for example in command.examples:
        words = shlex.split(example)
        assert words[:2] == ["fat2019", name]
        with command.make_context(name, words[2:], resilient_parsing=False):
            pass


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


def ran(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


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


def test_the_ablation_is_a_table_to_compare(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    command = ["compare", "ablation", "--features", str(store.path), "--out", str(tmp_path)]
    command += ["--row", "best", "--row", "without mixed sounds", "--seeds", "1", "--scale", "0.01"]
    done = ran(*command)
    assert "| without mixed sounds |" in done.stdout and (tmp_path / "table.json").is_file()
    assert json.loads(ran(*command, "--json").stdout)["rows"][1]["against_best"]  # and nothing is trained again


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("reproduce", "table-6.51"), "did you mean table-6.5"),
        (("reproduce", "table-6.1", "--truth", "truth.csv"), "only table-7.1 has"),
        (("compare", "ablate"), "did you mean ablation?"),
        (("compare", "cost", "--row", "simplest"), "there is no 'simplest' in cost"),
        (("compare", "cost", "--truth", "none.csv"), "none.csv: no such file"),
    ],
)
def test_a_table_or_row_that_is_not_there_is_answered_before_anything_is_made(store, tmp_path, given, message):
    assert message in failure(*given, "--features", store.path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sweep_is_a_table_with_a_row_a_run(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "build", tiny_network)
    command = ["sweep", "--features", store.path, "--out", tmp_path, "--epochs", 1, "--lr", 1e-2, "--lr", 1e-3]
    assert "| learning_rate |" in ran(*command).stdout
    rows = json.loads(ran(*command, "--json").stdout)["runs"]  # and nothing is trained again
    assert sorted(row["learning_rate"] for row in rows) == [1e-3, 1e-2]


@pytest.fixture
def trained(store, tmp_path):
    """The folder of a run that nobody has trained."""
    return make_run(tmp_path / "run", store, validation=(0, 1)).path


def test_what_is_in_the_way_of_a_submission_is_told_before_the_clips_are_scored(trained, tmp_path):
    for options, wrong in (
        (("--sample", tmp_path / "none.csv", "--out", tmp_path / "s.csv"), "none.csv"),
        (("--out", tmp_path / "none" / "s.csv"), "none"),
    ):
        result = run("predict", trained, *options)
        assert result.exit_code == 2
        [said] = result.stderr.splitlines()  # and no progress
        assert said.startswith("Error: ") and str(tmp_path / wrong) in said


def test_a_quiet_command_says_nothing_but_its_result(trained, tmp_path):
    for command in (("evaluate", trained), ("predict", trained, "--out", tmp_path / "submission.csv")):
        assert "clips: " in run(*command).stderr
        assert run("--quiet", *command).stderr == run(*command, "-q").stderr == ""


def test_a_sample_with_another_clip_is_refused_before_any_clip_is_scored(tiny_data, trained, tmp_path, monkeypatch):
    monkeypatch.delattr("fat2019.scoring.evaluation.score_clips")
    sample = tmp_path / "sample.csv"
    sample.write_text((tiny_data / "sample_submission.csv").read_text() + "other.wav" + ",0" * 5 + "\n")
    message = failure("predict", trained, "--sample", sample, "--out", tmp_path / "submission.csv")
    assert "other.wav" in message
    assert not (tmp_path / "submission.csv").exists()


def test_a_run_of_another_vocabulary_is_refused(data, trained, tmp_path):
    store, out = tmp_path / "store", tmp_path / "out"
    run("build-features", data, "--out", store, "--workers", 1)
    commands = (("evaluate", trained), ("predict", trained, "--out", out), ("report", trained, "--out", out))
    for command in (*commands, ("train", "--run", trained, "--config", trained / "config.json")):
        message = failure(*command, "--features", store)
        assert "vocabulary" in message and str(trained) in message
    assert not out.exists()


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


def test_interrupting_tags_leaves_those_that_are_printed_and_promises_nothing(trained, tmp_path, monkeypatch):
    def scores(*_):
        for number in range(2):
            yield tagging.Tagged(Path(f"{number}.wav"), 1.0, 1.0, np.linspace(0, 1, 5), ())
        raise KeyboardInterrupt

    monkeypatch.setattr(tagging.Tagger, "tag", scores)
    result = run("tag", trained, tmp_path, "--top", 1)
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted\n")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["0.wav", "1.wav"]


def interrupted(arguments, is_time):
    """What a command has printed and said, when Ctrl-C comes at the time."""
    process = subprocess.Popen(
        [sys.executable, "cli.py", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal starts it: whoever runs the tests in the background has Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not is_time(process):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    return printed, said


def test_wave_files_of_the_standard_library_are_read(data, tmp_path):
    with wave.open(os.fspath(data / "train_curated" / "b.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.arange(-8000, 8000, dtype=np.int16).tobytes())
    assert run("build-features", data, "--out", tmp_path / "store", "--workers", 1, "--strict").exit_code == 0
