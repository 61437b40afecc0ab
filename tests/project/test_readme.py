"""The front page stays a front page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_the_tree_of_the_readme_has_one_line_for_each_package_and_module_beside_them():
    named = re.findall(r"^    fat2019/(\w+)(?:\.py|/)", README, flags=re.MULTILINE)
    packages = [path.parent.name for path in (ROOT / "fat2019").glob("*/__init__.py")]
    modules = [path.stem for path in (ROOT / "fat2019").glob("*.py") if not path.stem.startswith("__")]
    assert sorted(named) == sorted([*modules, *packages])


def test_the_metric_is_spelt_out_where_it_is_explained():
    assert "label-weighted label-ranking average precision" in README


def test_the_figures_of_the_readme_are_those_of_the_benchmarks():
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text()
    for figure in re.findall(
        r"\*\*([\d,.]+) windows/s\*\*|\*\*([\d,]+) times real time\*\*|\*\*LWLRAP ([\d.]+)\*\*", README
    ):
        assert "".join(figure) in benchmarks
