"""What `make dist` builds can be installed, and has all that the program needs."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import fat2019

ROOT = Path(__file__).parents[2]
SOURCES = ("fat2019", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from a copy of the sources without the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=source, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_a_wheel_holds_every_module_and_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("fat2019/")}
    files = (path for path in (ROOT / "fat2019").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert packed == {str(path.relative_to(ROOT)) for path in files}
    assert "fat2019/py.typed" in packed
    assert any(name.endswith(".html") for name in packed)


def test_a_wheel_names_its_version_licence_and_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        of = {
            name.split("/", 1)[1]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name
        }
    assert f"\nVersion: {fat2019.__version__}\n" in of["METADATA"]
    assert "\nLicense-Expression: Apache-2.0\n" in of["METADATA"]
    assert {"licenses/LICENSE", "licenses/NOTICE"} <= set(of)
    assert "fat2019 = fat2019.__main__:run" in of["entry_points.txt"]


def test_an_installed_wheel_runs_from_anywhere(wheel, tmp_path):
    target = tmp_path / "installed"
    options = ["--no-deps", "--no-index", "--offline", "--target", str(target)]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    subprocess.run([*uv, *options, str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    for command in ([sys.executable, "-m", "fat2019"], [str(target / "bin" / "fat2019")]):
        done = subprocess.run(
            [*command, "--version"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        assert done.stdout == f"fat2019, version {fat2019.__version__}\n"
    where = "import fat2019.runs; print(fat2019.runs.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()).is_relative_to(target)


def test_the_version_is_the_newest_of_the_changelog_and_that_of_the_citation():
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest and newest[1] == fat2019.__version__
    assert f"\nversion: {fat2019.__version__}\n" in (ROOT / "CITATION.cff").read_text()
