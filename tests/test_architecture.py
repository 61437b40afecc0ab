"""The tree is the pipeline: which package may import which, and which are free of TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fat2019

ROOT = Path(fat2019.__file__).parent
# Each may import those before it.
ORDER = (
    *("errors", "utils", "augmentations", "config", "data", "audio", "store"),
    *("feed", "models", "runs", "scoring", "training", "pages", "serving", "experiments", "cli"),
)
LIGHT = ORDER[: ORDER.index("feed")]  # free of TensorFlow
MOST_MODULES = 16
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)


def imported(path):
    """(line, module, whether it is only for type checkers) of every import of a file, wherever it stands."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            yield node.lineno, name, id(node) in for_types


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_package_and_those_before_it(path):
    place = ORDER.index(path.relative_to(ROOT).parts[0])
    for line, name, _ in imported(path):
        if name.startswith("fat2019."):
            package = name.split(".")[1]
            assert ORDER.index(package) <= place, f"{path}:{line} imports {name}"


def test_every_package_stands_in_the_order():
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} | {"errors"} == set(ORDER)


@pytest.mark.parametrize("package", LIGHT)
def test_packages_before_the_feed_load_without_tensorflow(package):
    modules = [
        ".".join(("fat2019", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted((ROOT / package).rglob("*.py"))
    ] or [f"fat2019.{package}"]
    program = f"import sys, importlib\nfor name in {modules}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not {"tensorflow", "keras"} & set(done.stdout.split())


def test_no_package_has_grown_beyond_what_one_looks_over():
    for folder in {path.parent for path in MODULES}:
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        assert count <= MOST_MODULES, f"{folder}: {count} modules"
