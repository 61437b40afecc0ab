"""The recipes of CONTRIBUTING.md point to what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_and_folder_that_is_named_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:fat2019|tests|docs|features|benchmarks)/[\w./]*)`", text)
    places = [path.replace("NAME.py", "") for path in named]
    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_every_target_that_is_named_is_in_the_makefile():
    targets = set(
        re.findall(r"^    make (\w+)|`make (\w+)`", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    )
    makefile = (ROOT / "Makefile").read_text()
    for target in ("".join(names) for names in targets):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
