"""The configuration of a run as its file has it."""

import pytest

from fat2019.errors import DataError, OtherVersion
from fat2019.runs.run import Run
from tests.run_folders import as_version_0_1
from tests.runs.spoilt import edit


def test_a_run_of_version_0_1_opens_and_says_so_to_those_who_ask(run, caplog):
    as_version_0_1(run.path)
    with caplog.at_level("DEBUG", "fat2019"):
        opened = Run.open(run.path)
    assert "stated no checksums" in caplog.text
    assert not opened.checksums and not opened.has_graph and opened.model()


def test_a_run_of_a_later_version_is_no_damage(run):
    edit(run.path / "config.json", '"format": 2', '"format": 3')
    with pytest.raises(OtherVersion, match="a run of format 3; this version of fat2019 reads up to 2"):
        Run.open(run.path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100_000, '{"train": 1}', '{"vocabulary": 5}'])
def test_whatever_stands_in_a_configuration_there_is_one_line(run, content):
    (run.path / "config.json").write_text(content)
    with pytest.raises(DataError) as refused:
        Run.open(run.path)
    assert "\n" not in str(refused.value)
