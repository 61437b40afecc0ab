import pytest

from fat2019.config.feed import FeedConfig
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"splits": ("test",)}, "splits"),
        ({"splits": ()}, "splits"),
        ({"splits": ("curated", "curated")}, "splits"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"schedule": "step"}, "schedule"),
        ({"trainable": "half"}, "trainable"),
        ({"validate_on": "test"}, "validate_on"),
        ({"keep": "first"}, "keep"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"loss": "hinge"}, "loss"),
        ({"focal_gamma": -1}, "focal_gamma"),
        ({"focal_gamma": float("inf")}, "focal_gamma"),
        ({"focal_gamma": float("nan")}, "focal_gamma"),
        ({"label_smoothing": 1}, "label_smoothing"),
        ({"bootstrap": 2}, "bootstrap"),
    ],
)
def test_a_stage_out_of_range_is_refused_by_name(fields, message):
    with pytest.raises(DataError, match=message):
        Stage(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stages": ()}, "stages: expected a list of length >= 1"),
        ({"validation_share": 1.0}, "validation_share"),
        ({"clip_share": 0.0}, "clip_share"),
        ({"folds": 1}, "folds"),
        ({"folds": -2}, "folds"),
        ({"folds": 3, "fold": 4}, "fold: expected 1 to 3"),
        ({"folds": 3, "fold": 0}, "fold: expected a whole number >= 1, received 0"),
        ({"fold": 2}, "fold: expected folds .* give --folds"),
        ({"clip_norm": float("nan")}, "clip_norm"),
        ({"precision": "int8"}, "precision"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"devices": 0}, "devices"),
        ({"devices": 2, "jit": True}, "jit: TensorFlow cannot compile a step for several devices"),
        (
            {"devices": 3, "stages": (Stage(feed=FeedConfig(batch_windows=8)),)},
            "batch size: expected a multiple of the 3 devices, received 8",
        ),
    ],
)
def test_a_run_out_of_range_is_refused_by_name(fields, message):
    with pytest.raises(DataError, match=message):
        TrainConfig(**fields)


def test_labels_are_not_judged_where_nothing_can_judge_them_or_twice():
    judging = Stage(("curated", "noisy"), judge_noisy=True)
    with pytest.raises(DataError, match="judge_noisy: label cleaning needs an earlier stage"):
        TrainConfig(stages=(judging,))
    with pytest.raises(DataError, match=r"relabel: x.csv and the recipe both clean noisy labels; leave out one"):
        TrainConfig(stages=(Stage(), judging), relabel="x.csv")
