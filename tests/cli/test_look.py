"""Tags on the command line."""

from pathlib import Path

import numpy as np

from fat2019.serving import tagger as tagging
from tests.cli.running import run


def test_interrupting_tags_leaves_those_that_are_printed_and_promises_nothing(trained, tmp_path, monkeypatch):
    def scores(*_):
        for number in range(2):
            yield tagging.Tagged(Path(f"{number}.wav"), 1.0, 1.0, np.linspace(0, 1, 5), ())
        raise KeyboardInterrupt

    monkeypatch.setattr(tagging.Tagger, "tag", scores)
    result = run("tag", trained, tmp_path, "--top", 1)
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted\n")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["0.wav", "1.wav"]
