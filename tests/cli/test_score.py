"""Submissions on the command line."""

from tests.cli.running import failure, run


def test_what_is_in_the_way_of_a_submission_is_told_before_the_clips_are_scored(trained, tmp_path):
    for options, wrong in (
        (("--sample", tmp_path / "none.csv", "--out", tmp_path / "s.csv"), "none.csv"),
        (("--out", tmp_path / "none" / "s.csv"), "none"),
    ):
        result = run("predict", trained, *options)
        assert result.exit_code == 2
        [said] = result.stderr.splitlines()  # and no progress
        assert said.startswith("Error: ") and str(tmp_path / wrong) in said


def test_a_sample_with_another_clip_is_refused_before_any_clip_is_scored(tiny_data, trained, tmp_path, monkeypatch):
    monkeypatch.delattr("fat2019.scoring.evaluation.score_clips")
    sample = tmp_path / "sample.csv"
    sample.write_text((tiny_data / "sample_submission.csv").read_text() + "other.wav" + ",0" * 5 + "\n")
    message = failure("predict", trained, "--sample", sample, "--out", tmp_path / "submission.csv")
    assert "other.wav" in message
    assert not (tmp_path / "submission.csv").exists()
