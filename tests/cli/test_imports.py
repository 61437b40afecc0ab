"""What can be known without TensorFlow is told without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from click.testing import CliRunner
from fat2019.cli import main

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras"):
            raise SystemExit(99)

sys.meta_path.insert(0, Refused())
results = [CliRunner().invoke(main, arguments) for arguments in json.loads(sys.argv[1])]
heavy = [name for name in ("numpy", "scipy", "pandas", "matplotlib", "sklearn", "rich") if name in sys.modules]
print(json.dumps([heavy, [[one.exit_code, one.stdout, one.stderr] for one in results]]))
"""


def told(*commands, cwd=ROOT):
    """Heavy libraries that were imported, and of each command, for which TensorFlow cannot be, status and outputs."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([[str(word) for word in words] for words in commands])],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    heavy, results = json.loads(done.stdout)
    assert 99 not in [status for status, _, _ in results], commands[[status for status, _, _ in results].index(99)]
    return heavy, results


def test_what_is_known_beforehand_is_printed_without_heavy_libraries():
    heavy, results = told(("--help",), ("train", "--help"), ("recipes",), ("recipes", "--json"), ("models",))
    assert heavy == []
    for status, printed, said in results:
        assert status == 0 and printed and not said


MISTAKES = [
    (("evaluate", "none"), "none: no such run folder"),
    (("predict", "none"), "none: no such run folder"),
    (("report", "none"), "none: no such run folder"),
    (("report", "none", "--out", "no/where.html"), "there is no folder no"),
    (("tag", "none", "x.wav"), "none"),
    (("serve", "none"), "none: no such run folder"),
    (("export", "none"), "none: no such run folder"),
    (("info", "none"), "none"),
    (("verify", "none"), "none"),
    (("train", "none"), "none"),
    (("train", "--features", "none"), "none"),
    (("train", ".", "--layout", "esc50"), "not of the layout esc50"),
    (("train", "--recipe", "bset"), "did you mean best?"),
    (("train", "--model", "resnet5O"), "did you mean resnet50?"),
    (("train", "--config", "none.toml"), "none"),
    (("relabel", "--features", "none"), "none"),
    (("sweep", "--features", "none"), "none"),
    (("reproduce", "table-9"), "not one of the report's tables"),
    (("compare", "costs"), "did you mean cost?"),
    (("compare", "cost", "--features", "none"), "none"),
    (("explore", "none"), "none"),
    (("trian",), "'train'"),
]


def test_a_mistake_in_a_name_is_told_without_heavy_libraries(tmp_path):
    heavy, results = told(*(words for words, _ in MISTAKES), cwd=tmp_path)
    assert set(heavy) <= {"numpy"}
    for (words, message), (status, _, said) in zip(MISTAKES, results, strict=True):
        assert status == 2 and message in said, (words, said)


def test_a_store_is_described_and_verified_without_tensorflow(store):
    _, (described, verified) = told(("info", store.path, "--json"), ("verify", store.path))
    assert described[0] == 0 and json.loads(described[1])["clips"] == 40
    assert verified[0] == 0 and "no damage found" in verified[1]


def test_weights_and_files_that_are_not_there_are_told_without_tensorflow(store, tmp_path):
    train = ("train", store.path, "--run", tmp_path / "run")
    _, results = told(
        (*train, "--model", "resnet50", "--weights", "none.h5"),
        (*train, "--recipe", "best", "--splits", "curated,noisy", "--relabel", "none.csv"),
    )
    assert [status for status, _, _ in results] == [2, 2]
    assert "none.h5" in results[0][2] and "none.csv" in results[1][2]
    assert not (tmp_path / "run").exists()


LIGHT = (
    "fat2019.config.features",
    "fat2019.data.vocabulary",
    "fat2019.data.data_set",
    "fat2019.audio.decode",
    "fat2019.audio.silence",
    "fat2019.audio.logmel",
    "fat2019.store.reader",
    "fat2019.store.building.builder",
    "fat2019.store.verify",
    "fat2019.cli",
)


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
