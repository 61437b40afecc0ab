"""Every module has its tests where one looks for them, and every file of tests its module."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE, TESTS = ROOT / "fat2019", ROOT / "tests"
NOT_PACKAGES = {"artefacts", "docs", "faults", "oracles", "project"}  # folders of tests that mirror nothing

WITHOUT_A_FILE = {
    "errors": "names of errors, and nothing that they do",
    "store/formats/base": "an interface: test_shards goes through all formats",
}
WITHOUT_A_MODULE = {
    "cli/test_errors": "errors of every command",
    "cli/test_imports": "what every command loads",
    "feed/test_feed_order": "order, workers and seeds of both readers and the feed together",
    "runs/test_old_runs": "runs of version 0.1.0, through all commands",
    "store/test_old_stores": "stores of version 0.1.0, through builder, reader and verify",
    "store/building/test_quarantine": "clips that cannot be used, through planner, worker and builder",
    "training/test_own_folds": "one run for each fold of a data set, from build to table",
    "training/test_recipes": "every recipe trained for two steps",
    "training/test_resuming": "a run given again, with what must be the same",
}


def modules():
    """``audio/clip`` and so on."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return {path.as_posix() for path in paths if path.name != "__init__"}


def mirrors():
    """``audio/test_clip`` and so on."""
    paths = (path.relative_to(TESTS).with_suffix("") for path in TESTS.rglob("test_*.py"))
    return {path.as_posix() for path in paths if len(path.parts) > 1 and path.parts[0] not in NOT_PACKAGES}


def mirror_of(module):
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name.strip('_')}".lstrip("/")


def test_every_module_has_a_file_of_tests_or_a_reason():
    there = mirrors() | {path.stem for path in TESTS.glob("test_*.py")}
    without = {module for module in modules() if mirror_of(module) not in there}
    assert without == set(WITHOUT_A_FILE), "these have no tests, or no longer lack them"


def test_every_file_of_tests_has_a_module_or_a_reason():
    without = mirrors() - {mirror_of(module) for module in modules()} - packages()
    assert without == set(WITHOUT_A_MODULE), "these test no module of their name, or there is one now"


def packages():
    """Tests of what a package's own ``__init__`` does."""
    folders = (path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)
    return {f"{folder.as_posix()}/test_{folder.name}" for folder in folders}


@pytest.mark.parametrize("reasons", [WITHOUT_A_FILE, WITHOUT_A_MODULE])
def test_reasons_are_said(reasons):
    assert all(len(reason) > 15 for reason in reasons.values())
