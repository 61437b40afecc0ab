"""`make check` stays quick: the tests that it runs load no TensorFlow."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLLECT = """
import sys, pytest
status = pytest.main(["--collect-only", "-qq", "-m", "not slow", *sys.argv[1:]])
loaded = {"tensorflow", "keras"} & set(sys.modules)
sys.exit(f"loaded: {loaded}" if loaded else status)
"""


def test_the_quick_tests_are_collected_without_tensorflow():
    quick = re.search(r"^QUICK := \$\(wildcard (.+)\)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    folders = [folder for folder in quick[1].split() if (ROOT / folder).is_dir()]
    assert {"tests/audio", "tests/data", "tests/store", "tests/utils"} <= set(folders)
    done = subprocess.run([sys.executable, "-c", COLLECT, *folders], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
