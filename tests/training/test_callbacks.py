"""An epoch's end: losses that are no numbers, patience, the epoch that is kept."""

import keras
import numpy as np
import pytest

from fat2019.scoring.inference import score_clips
from fat2019.training.callbacks import Diverged, Validation
from fat2019.training.trainer import train
from tests.interrupted_training import tiny_network
from tests.short_training import one_stage


def test_where_the_last_epoch_is_to_be_kept_it_is_though_another_was_better(store, tmp_path, monkeypatch):
    scores = {}
    for keep in ("best", "last"):
        falling = iter((0.5, 0.4, 0.3))
        validate = lambda *_, falling=falling: {"val_loss": 1.0, "val_lwlrap": next(falling)}  # noqa: E731
        monkeypatch.setattr(Validation, "__call__", validate)
        run = train(store, one_stage(epochs=3, keep=keep), tmp_path / keep)
        clips = np.flatnonzero(store.clips["split"] == "test")
        scores[keep] = score_clips(run.model(), store, clips)
        assert run.summary()["validation"] == {"best": 0.5, "last": 0.3}[keep]
    assert np.abs(scores["best"] - scores["last"]).max() > 1e-4


@pytest.mark.usefixtures("tiny")
def test_a_loss_that_is_no_number_ends_the_run_with_advice(store, tmp_path):
    with pytest.raises(
        Diverged, match=r"the loss became (nan|inf) in stage 1, epoch \d+, .*: try a lower learning rate"
    ):
        train(store, one_stage(epochs=5, learning_rate=3e38, optimizer="adam"), tmp_path / "run")
    assert "ERROR" in (log := (tmp_path / "run" / "log.txt").read_text()) and "try a lower learning rate" in log


@pytest.mark.usefixtures("tiny")
def test_training_stops_early_when_validation_grows_no_better_and_clipped_steps_are_short(store, tmp_path):
    config = one_stage(
        splits=("curated", "noisy"),
        epochs=9,
        learning_rate=1.0,
        optimizer="sgd",
        clip_norm=1e-9,
        early_stopping_epochs=2,
    )
    run = train(store, config, tmp_path / "run")
    best = int(run.history()["val_lwlrap"].argmax()) + 1
    assert len(run.history()) == best + 2 < 9
    keras.utils.set_random_seed(0)
    fresh = tiny_network(config.model, len(store.vocabulary), (92, 80))
    moved = np.sqrt(
        sum(
            float(((a.numpy() - b.numpy()) ** 2).sum())
            for a, b in zip(run.model().trainable_variables, fresh.trainable_variables, strict=True)
        )
    )
    assert moved < 1e-6
