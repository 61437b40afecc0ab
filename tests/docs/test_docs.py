"""Every command of the pages is run where the page would have it run, on data made small.

So that a page can say what a reader is to type, and the tests still take seconds:

- A command is a line in a block of ``sh``, or of four spaces, that begins with one of ``COMMANDS``; what stands behind
  three spaces is a remark. Commands in running text and in tables are only parsed.
- Each page has a folder of its own, with what its reader would have: ``demo`` (of 80 clips instead of 600, trained for
  one epoch), and by the names ``DATA``, ``STORE``, ``RUN`` a data set, its store and a run of it.
- A test clip that a page names is another one under its name.
- Whatever number of epochs a page trains, here it is one, of a network that is prepared in little time, but for the
  demo's; and the recipe `best` holds out more of so few clips.
- A page's features are computed by one process: so few clips take less time than the start of others.
- What takes another machine, the network, or minutes is parsed, not run: see ``_only_parsed``. Where such a command
  would have made a run, the demo's takes its place.
"""

import functools
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import fat2019.experiments.choice
import fat2019.experiments.demo
from fat2019.cli import main
from fat2019.cli.reference import reference
from fat2019.training import trainer as training
from tests.interrupted_training import tiny_network

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "features" / "README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
RUN_PAGES = [
    page for page in PAGES if page.name not in ("commands.md", "CHANGELOG.md") and "benchmarks" not in page.parts
]
SCRIPTS = re.compile(r"^```python\n# \S+\.py\n.*?^```", flags=re.DOTALL | re.MULTILINE)  # which a command runs


def python_of(page):
    """The Python blocks of a page that are no scripts; test_reader.py has that of the store's format."""
    return re.findall(r"^```python\n(.*?)^```", SCRIPTS.sub("", page.read_text()), flags=re.DOTALL | re.MULTILINE)


PYTHON_PAGES = [page for page in PAGES if python_of(page) and page.parent.name != "features"]
COMMANDS = ("fat2019", "python", "python3", "make", "pip", ".", "head")
OURS = re.compile(r"(?:fat2019|python cli\.py) ")


def test_the_reference_of_commands_is_up_to_date():
    assert (ROOT / "docs" / "commands.md").read_text() == reference(), (
        "python -m fat2019.cli.reference > docs/commands.md"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_of_a_page_are_there_and_pictures_are_small(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
        if target.endswith((".png", ".svg")):
            assert (page.parent / target).stat().st_size < 150_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_running_text_have_the_options_they_are_given(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for command in re.findall(r"`((?:python cli\.py|fat2019) [^`]+)`", text):
        if command.endswith("...") or "COMMAND" in command or page.name == "commands.md":
            continue
        words = shlex.split(OURS.sub("", re.sub(r"\.\.\.|[][]", "", command), count=1))  # STORE [--deep]
        assert parse(words) == ("" if words == ["--help"] else words[0])


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_do_what_they_should(page, world, tmp_path, monkeypatch):
    shutil.copytree(world, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "build", tiny_network)
    monkeypatch.setattr(fat2019.experiments.choice, "has_yamnet_weights", lambda: False)  # else they would be fetched
    text = page.read_text()
    for name, script in re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        Path(name).write_text(script)
    for name in set(re.findall(r"demo/data/test/\w+\.wav", text)):
        shutil.copy(next(Path("demo/data/test").iterdir()), name)
        sample = Path("demo/data/sample_submission.csv").read_text()
        row = sample.splitlines()[-1].partition(",")[2]
        Path("demo/data/sample_submission.csv").write_text(f"{sample}{Path(name).name},{row}\n")
    for command in commands_of(text):
        words = shlex.split(command)
        if OURS.match(command):
            run(shlex.split(OURS.sub("", command, count=1)))
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), command
        elif words[0] == "python" and (ROOT / words[1]).is_file():  # a benchmark: minutes
            options = [word for word in words[2:] if word.startswith("--")]
            assert all(f'"{option}"' in (ROOT / words[1]).read_text() for option in options), command
        elif words[:2] == ["python3", "-m"]:  # an environment, which is there
            assert words[2] == "venv"
        elif words[0] == "python":
            subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True)
        elif words[0] == "head":  # the sum of a manifest
            done = subprocess.run(command, shell=True, cwd="STORE", check=True, capture_output=True, text=True)
            assert done.stdout.split()[0] in Path("STORE/manifest.json").read_text().splitlines()[-1]


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs_from_top_to_bottom(page, world, tmp_path, monkeypatch, unregistered):
    shutil.copytree(world, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "build", tiny_network)
    blocks = python_of(page)
    assert blocks
    exec(compile("\n".join(blocks), str(page), "exec"), {"__name__": "__main__"})


def commands_of(text):
    """The commands of a page's blocks, in their order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    fenced = "\n".join(block for kind, block in blocks if kind == "sh")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = [line[4:] for line in prose.splitlines() if line.startswith("    ")]
    lines = [*fenced.replace("\\\n", "").splitlines(), *indented]
    return [
        re.split(r" {3,}|  # ", line)[0].strip()
        for line in lines
        if line.split(" ")[0] in COMMANDS and len(line.split()) > 1
    ]


def run(words):
    """Run one of our commands, or parse it; its output goes where it is sent."""
    words, target = (words[: words.index(">")], words[-1]) if ">" in words else (words, None)
    command = parse(words)
    if _only_parsed(command, words):
        _stand_in(command, words)
        return
    words = re.sub(r"(--epochs) \d+", r"\1 1", " ".join(words)).split(" ") if "--epochs" in words else words
    if command == "train" and "--epochs" not in words:
        words = [*words, "--epochs", "1"]
    if command == "build-features":
        words = [*words, "--workers", "1"]
    if "best" in words:  # a tenth of so few clips is none
        words = [*words, "--validation-share", "0.2"]
    result = CliRunner().invoke(main, [name for word in words for name in _expanded(word)])
    assert result.exit_code == 0, f"{' '.join(words)}\n{result.output}\n{result.exception!r}"
    if target:
        Path(target).write_text(result.stdout)


def parse(words):
    """The name of the command that is meant; an option that it does not have, or a bad value, is an error."""
    with click.Context(main, info_name="fat2019") as context:
        rest = [word for word in words if word not in ("--quiet", "--verbose")]  # which may stand anywhere
        if rest == ["--help"]:
            return ""
        with main.commands[rest[0]].make_context(rest[0], rest[1:], parent=context):
            return rest[0]


def _only_parsed(command, words):
    named = " ".join(words)
    backbone = re.search(r"resnet50|mobilenetv2", named) and command == "train" and "--weights none" not in named
    return (
        command in ("", "serve")  # shown until Ctrl-C: test_app.py
        or command in ("relabel", "sweep", "reproduce")  # many runs: test_cli.py has them by the command line
        or "--scheduler" in words  # a cluster: test_cluster.py
        or backbone  # weights of ImageNet
        or re.search(r"yamnet|transfer|probe", named)  # weights of AudioSet
        or ("onnx" in words and not find_spec("tf2onnx"))
    )


def _stand_in(command, words):
    if command == "train" and "--run" in words:
        made = Path(words[words.index("--run") + 1])
        made.parent.mkdir(exist_ok=True)
        made.symlink_to(Path("RUN").resolve())


def _expanded(word):
    """As a shell does it."""
    return sorted(str(path) for path in Path().glob(word)) or [word] if "*" in word else [word]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What the readers of all pages have."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small = functools.partial(fat2019.experiments.demo.make_data_set, curated=56, noisy=16, test=8)
        patch.setattr(fat2019.experiments.demo, "make_data_set", small)
        result = CliRunner().invoke(main, ["demo", "--out", "demo", "--epochs", "1"])
        assert result.exit_code == 0, result.output
        for name, target in (
            ("DATA", "data"),
            ("STORE", "features"),
            ("RUN", "run"),
            ("runs/a", "run"),
            ("runs/b", "run"),
        ):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).symlink_to(folder / "demo" / target)
        for name in ("a.csv", "b.csv"):
            shutil.copy("demo/submission.csv", name)
        clips = sorted(Path("demo/data/test").glob("*.wav"))
        _sounds(Path("sounds"))
        shutil.copytree("sounds/Hum", "more")
        _fsd50k(Path("FSD50K"), clips)
    return folder


def _sounds(folder):
    """A folder a class; and a file beside them."""
    random = np.random.default_rng(0)
    for number in range(12):
        path = folder / ("Hiss", "Hum")[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, random.normal(0, 0.1, 22_050), 22_050)
    soundfile.write(folder / "noise.mp3", random.normal(0, 0.1, 44_100), 44_100)


def _fsd50k(folder, clips):
    """FSD50K's files, with two classes and a few clips."""
    (folder / "FSD50K.ground_truth").mkdir(parents=True)
    for part, header, end in (("dev", "fname,labels,mids,split", ",train"), ("eval", "fname,labels,mids", "")):
        (folder / f"FSD50K.{part}_audio").mkdir()
        rows = []
        for number, clip in enumerate(clips):
            shutil.copy(clip, folder / f"FSD50K.{part}_audio" / f"{number}{part == 'dev':d}.wav")
            labels, mids = [("Bark", "/m/1"), ('"Bark,Dog"', '"/m/1,/m/2"')][number % 2]
            rows.append(f"{number}{part == 'dev':d},{labels},{mids}{end}")
        (folder / "FSD50K.ground_truth" / f"{part}.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "FSD50K.ground_truth" / "vocabulary.csv").write_text("0,Bark,/m/1\n1,Dog,/m/2\n")
