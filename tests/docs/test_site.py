"""`make docs` builds without a warning and without the network, and every page has its place in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import fat2019

ROOT = Path(__file__).parents[2]
SITE = "import sys; from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
NO_NETWORK = "import socket; socket.socket.connect = None; "


def test_the_site_builds_without_a_warning_or_the_network(tmp_path):
    words = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "-d",
        str(tmp_path / "doctrees"),
        "-c",
        "docs",
        ".",
        str(tmp_path),
    ]
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK + SITE, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    index = (tmp_path / "docs" / "index.html").read_text()
    assert f"fat2019 {fat2019.__version__}" in index
    api = (tmp_path / "docs" / "api.html").read_text()
    assert "FeatureStore" in api and "TrainingFeed" in api


def test_every_page_is_in_the_navigation():
    index = (ROOT / "docs" / "index.md").read_text()
    entries = {
        entry for block in re.findall(r"```{toctree}\n(.*?)```", index, flags=re.DOTALL) for entry in block.split()
    }
    pages = {str(path.relative_to(ROOT / "docs").with_suffix("")) for path in (ROOT / "docs").rglob("*.md")}
    assert pages - {"index"} <= entries
    assert all(
        (ROOT / "docs" / f"{entry}.md").is_file() for entry in entries if not entry.startswith(":") and "/" in entry
    )


def test_what_the_package_offers_is_in_the_reference():
    api = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in fat2019.__all__ if name not in api] == []
