"""Modules that are imported at first use."""

import subprocess
import sys

import pytest

from fat2019.utils.lazy import LazyModule

IN_A_FRESH_INTERPRETER = """
import sys
from fat2019.utils.lazy import LazyModule
module = LazyModule("colorsys")
assert "colorsys" not in sys.modules
assert module.rgb_to_hsv(1, 0, 0) == (0, 1, 1)
assert "colorsys" in sys.modules
"""


def test_a_lazy_module_is_imported_when_something_of_it_is_used_and_not_before():
    done = subprocess.run([sys.executable, "-c", IN_A_FRESH_INTERPRETER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_a_lazy_module_does_not_have_is_missing_as_from_the_module_itself():
    with pytest.raises(AttributeError, match="module 'math' has no attribute 'nothing'"):
        LazyModule("math").nothing  # noqa: B018
