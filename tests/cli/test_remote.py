"""`fetch` on the command line."""

import json

from fat2019.runs.run import Run
from tests.cli.running import failure, ran
from tests.run_folders import make_run


def test_a_run_is_fetched_and_summed_up_in_a_line_or_as_json(store, tmp_path):
    run = make_run(tmp_path / "run", store, stated=True)
    said = ran("fetch", run.path, tmp_path / "copy").stdout
    files = len(run.checksums)
    assert said.startswith(f"{tmp_path / 'copy'}: a run of {files} files, ")
    result = json.loads(ran("fetch", run.path, tmp_path / "again", "--json").stdout)
    assert (result["kind"], result["files"]) == ("run", files) and result["bytes"] > 1000
    assert Run.open(tmp_path / "again").metrics == run.metrics


def test_what_is_not_there_is_one_line(tmp_path):
    assert "neither a store nor a run" in failure("fetch", tmp_path, tmp_path / "copy")
    assert not list(tmp_path.iterdir())
