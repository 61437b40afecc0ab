import numpy as np

from fat2019.runs.checkpoint import Checkpoint


def test_a_checkpoint_is_read_as_it_was_written_and_older_networks_go(tmp_path):
    state = Checkpoint.open(tmp_path / "state")
    state.epoch, state.best_score, state.best_epoch, state.rows = 1, 0.125, 1, [{"epoch": 1}]
    state.model_path.touch()
    state.write()
    state.epoch = 2
    state.model_path.touch()
    state.write()
    read = Checkpoint.open(tmp_path / "state")
    assert (read.stage, read.epoch, read.best_score, read.best_epoch, read.rows) == (0, 2, 0.125, 1, [{"epoch": 1}])
    assert [path.name for path in (tmp_path / "state").glob("*.keras")] == ["stage-1-epoch-2.keras"]
    read.next_stage()
    assert (read.stage, read.epoch, read.best_score) == (1, 0, -np.inf)
    assert Checkpoint.open(tmp_path / "state").best_score == -np.inf
    assert not list((tmp_path / "state").glob("*.keras"))


def test_the_time_of_earlier_sessions_counts(tmp_path):
    state = Checkpoint.open(tmp_path / "state")
    state.seconds_before = 100.0
    state.write()
    again = Checkpoint.open(tmp_path / "state")
    assert again.seconds_before >= 100.0 and again.seconds >= again.seconds_before
