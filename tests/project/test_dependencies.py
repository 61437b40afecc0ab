"""pyproject.toml asks for what the package imports, and for nothing else."""

import ast
import platform
import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

from fat2019.config.model import NETWORKS

ROOT = Path(__file__).parents[2]
NOT_IMPORTED = {
    "audioop-lts": "pydub imports it, since Python 3.13 has no audioop",
    "onnxruntime": "the tests run ONNX exports with it, as their users do",
    "tensorboard": "tf.summary, which writes a run's logs/, imports it",
}
OTHERWISE = {
    "ai_edge_litert": "ai-edge-litert",
    "distributed": "dask",
    "google.protobuf": "protobuf",
    "sklearn": "scikit-learn",
    "skmultilearn": "scikit-multilearn",
}
USER_EXTRAS = ("app", "audit", "av", "dask", "onnx")  # of which each has a part of the package that imports it


def test_every_dependency_is_imported_or_has_a_reason():
    wanted = {*_names(_project()["dependencies"]), *_extras(USER_EXTRAS)}
    assert wanted - _imported() == set(NOT_IMPORTED) & wanted


def test_every_distribution_that_is_imported_is_asked_for():
    project = _project()
    wanted = {*_names(project["dependencies"]), *_extras(project["optional-dependencies"])}
    assert _imported() - wanted == set()


def test_every_dependency_has_a_lower_bound_and_is_pinned_for_the_tests():
    project = _project()
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text().lower(), flags=re.MULTILINE))
    assert set(_names(project["dependencies"])) <= pinned
    assert set(_extras(("dev", *USER_EXTRAS))) <= pinned
    bare = [line for line in project["dependencies"] if not re.search(r">=|==|;", line)]
    assert bare == []


def test_the_notice_has_the_licence_of_every_dependency_and_of_all_weights():
    notice = (ROOT / "NOTICE").read_text().lower()
    project = _project()
    wanted = {*_names(project["dependencies"]), *_extras(USER_EXTRAS)}
    spelt = {"av": "pyav", "onnxruntime": "onnx runtime"}
    assert [name for name in sorted(wanted) if spelt.get(name, name) not in notice] == []
    assert [name for name, on_a_backbone in NETWORKS.items() if on_a_backbone and name not in notice] == []


def test_pip_takes_every_pin_on_this_python():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "constraints.txt").read_text().lower(), flags=re.MULTILINE))
    here = [one for one in distributions() if pins.get(re.sub(r"[-_.]+", "-", one.name).lower()) == one.version]
    python = platform.python_version()
    refused = [f"{one.name} {one.version}" for one in here if python not in SpecifierSet(_python_of(one))]
    assert len(here) > 50 and refused == []  # uv installs what states only older Pythons, pip does not


def _python_of(distribution):
    return distribution.metadata.get("Requires-Python") or ""


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _extras(extras):
    of = _project()["optional-dependencies"]
    return {name for extra in extras for name in _names(of[extra]) if name != "fat2019"}


def _names(requirements):
    return [re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in requirements]


def _imported():
    """The distributions that some module under fat2019/ imports."""
    modules = set()
    for path in (ROOT / "fat2019").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    outside = {name for name in modules if name.split(".")[0] not in (*sys.stdlib_module_names, "fat2019")}
    return {_distribution(name) for name in outside}


def _distribution(module):
    """The distribution that has a module: the name of one that is called otherwise, or the module's own."""
    known = (name for prefix, name in OTHERWISE.items() if f"{module}.".startswith(f"{prefix}."))
    return next(known, module.split(".")[0].replace("_", "-"))
