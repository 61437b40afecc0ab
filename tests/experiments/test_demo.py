"""The demo as `make demo` runs it, with fewer epochs: from made-up sounds to a scored submission."""

import json

from click.testing import CliRunner

from fat2019.cli import main


def test_the_demo_learns_writes_a_submission_and_does_nothing_twice(tmp_path):
    command = ["demo", "--out", str(tmp_path / "demo"), "--epochs", "6", "--json"]
    first, again = (CliRunner().invoke(main, command) for _ in range(2))
    assert first.exit_code == again.exit_code == 0, first.output
    result, repeated = json.loads(first.stdout), json.loads(again.stdout)
    assert result["validation_lwlrap"] > 1.5 * result["chance_lwlrap"]
    assert result["test_lwlrap"] > 1.5 * result["chance_lwlrap"]
    assert {name: value for name, value in result.items() if name != "seconds"} == {
        name: value for name, value in repeated.items() if name != "seconds"
    }
    sample = (tmp_path / "demo" / "data" / "sample_submission.csv").read_text().splitlines()
    submission = (tmp_path / "demo" / "submission.csv").read_text().splitlines()
    assert submission[0] == sample[0]
    assert [line.split(",")[0] for line in submission] == [line.split(",")[0] for line in sample]
