"""The ablation and the cost curve: what each row changes, and the table that is made of all."""

import pytest

from fat2019.config.overrides import scaled_epochs
from fat2019.config.recipes import BEST
from fat2019.experiments.ablation import PIECES, STAGES, ablation, cost


def test_each_piece_changes_the_recipe_and_no_two_are_alike(store):
    configs = [trial.config for trial in ablation(store)]
    assert len(set(configs)) == len(configs) == len(PIECES) + len(STAGES) + 2
    assert configs[0] == BEST
    assert len({trial.folder for trial in ablation(store)}) == len(configs)


@pytest.mark.parametrize("row", ["best", *PIECES, *STAGES])
def test_every_trial_sees_as_many_windows_with_noisy_clips_and_without_and_a_scale_shortens_all(store, row):
    curated, noisy = 18 * (1 - BEST.validation_share), 14
    stages = next(trial.config.stages for trial in ablation(store, 0.5) if trial.row == row)
    windows = sum(
        stage.epochs * (curated + ("noisy" in stage.splits) * stage.feed.noisy_weight * noisy) for stage in stages
    )
    assert windows == pytest.approx(BEST.stages[0].epochs / 2 * curated, rel=0.02)


def test_the_points_of_a_curve_differ_in_epochs_alone(store):
    by_curve = {}
    for trial in cost(store):
        by_curve.setdefault(trial.curve, []).append(trial)
    assert set(by_curve) == {"simple", "best", "mobilenetv2"}
    for points in by_curve.values():
        epochs = [trial.config.stages[0].epochs for trial in points]
        assert epochs == sorted(set(epochs)) and len(epochs) == 4
        assert len({scaled_epochs(trial.config, 1e-9) for trial in points}) == 1
        assert all(trial.config.model.weights == "none" for trial in points)


def test_at_a_small_scale_no_point_of_a_curve_is_trained_twice(store):
    rows = [trial.row for trial in cost(store, 0.02)]
    assert len(rows) == len(set(rows)) < len(cost(store))
