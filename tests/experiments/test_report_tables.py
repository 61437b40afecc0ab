import dataclasses
import json

import pytest

from fat2019.config.feed import FeedConfig
from fat2019.config.model import ModelConfig
from fat2019.config.recipes import RECIPES
from fat2019.config.training import Stage, TrainConfig
from fat2019.errors import DataError
from fat2019.experiments import paper_tables
from fat2019.experiments import report_tables as module
from fat2019.experiments.report_tables import reproduce, scaled
from fat2019.scoring.ensembles import combine
from fat2019.scoring.evaluation import predict_test
from fat2019.training import trainer as training
from tests.interrupted_training import tiny_network


def test_a_table_sets_the_reports_figures_beside_this_runs(store, tmp_path, trained):
    result = reproduce("table-6.1", store, tmp_path, weights="none")
    assert [name for name, _ in trained] == [
        f"table-6.1-{model}-seed-0" for model in ("simple", "resnet50", "mobilenetv2")
    ]
    assert all(config.model.weights == "none" and config.stages[0].epochs == 15 for _, config in trained)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0] == "# Table 6.1: frozen backbones with a dense head, no augmentation"
    conditions = "weights: none; seeds: 1; held-out clips by their max-energy windows."
    assert f"This run: 18 curated, 14 noisy, 8 test clips; {conditions}" in lines
    assert "| ResNet50 | 24,132,816 | 102 | 545,104 | 90 | 2,700 | 12 | 0.1418 | 0.2100 | 0.1344 | 0.1120 |" in lines
    assert not any("Scale" in line for line in lines)
    assert result["markdown"] == (tmp_path / "table.md").read_text()
    written = json.loads((tmp_path / "table.json").read_text())
    assert written == {name: value for name, value in result.items() if name != "markdown"}
    assert (
        written["rows"][0]["measured"]["validation"] == 0.111 and written["rows"][0]["reported"]["validation"] == 0.276
    )
    assert sorted(path.name for path in tmp_path.glob("figure*")) == ["figure-6.2.png", "figure-6.2.svg"]


def test_columns_without_a_number_are_left_out(store, tmp_path, trained):
    head = next(
        line for line in reproduce("figure-6.6", store, tmp_path)["markdown"].splitlines() if line.startswith("| model")
    )
    assert "this run" in head and "report" not in head


def test_validation_is_of_max_energy_windows_as_in_the_report_or_of_all(store, tmp_path, trained):
    by_windows = {
        windows: reproduce("section-6.1", store, tmp_path / windows, windows=windows)["rows"][0]
        for windows in ("max-energy", "tiled")
    }
    for windows, column in (("max-energy", "validation"), ("tiled", "validation_tiled")):
        row = by_windows[windows]
        assert row["measured"]["validation"] == module.Run.open(row["runs"][0]["path"]).summary()[column]
        assert f"by their {windows} windows." in (tmp_path / windows / "table.md").read_text()


def test_a_smaller_scale_shortens_and_every_output_says_so(store, tmp_path, trained, monkeypatch):
    titles = []
    monkeypatch.setattr(module, "draw_curves", lambda stem, curves, title: titles.append(title) or (stem, stem))
    result = reproduce("table-6.5", store, tmp_path, scale=0.1)
    assert [(stage.epochs, config.clip_share) for _, config in trained[:1] for stage in config.stages] == [
        (2, 0.1),
        (5, 0.1),
    ]
    assert "scale 0.1" in titles[0] and "**Scale 0.1" in result["markdown"]
    assert json.loads((tmp_path / "table.json").read_text())["scale"] == 0.1


def test_a_scale_leaves_at_least_one_epoch_and_full_scale_changes_nothing():
    config = RECIPES["table-6.5-resnet50-mixup"].config
    assert [stage.epochs for stage in scaled(config, 1e-3).stages] == [1, 1]
    assert scaled(config, 1.0) == config


def test_several_seeds_are_averaged_with_their_deviation(store, tmp_path, trained):
    result = reproduce("section-6.1", store, tmp_path, seeds=3)
    assert [(name, config.seed, config.stages[0].feed.seed) for name, config in trained] == [
        (f"section-6.1-simple-seed-{seed}", seed, seed) for seed in range(3)
    ]
    assert result["rows"][0]["measured"]["validation"] == pytest.approx(0.112)  # of 0.111, 0.112 and 0.113
    assert result["rows"][0]["deviation"]["validation"] == pytest.approx(0.001)
    assert "0.1120 ± 0.0010" in result["markdown"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("table-9.9", {}, "expected one of section-6.1, table-6.1"),
        ("table-6.1", {"scale": 0.0}, "scale"),
        ("table-6.1", {"scale": 1.5}, "scale"),
        ("table-6.1", {"seeds": 0}, "seeds"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(store, tmp_path, name, options, message):
    with pytest.raises(DataError, match=message):
        reproduce(name, store, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("windows", ["max-energy", "tiled"])
def test_the_final_models_are_averaged_scored_and_submitted(store, tmp_path, trained, windows):
    truth = tmp_path / "truth.csv"
    truth.write_text("fname,labels\n" + "".join(f"test{n:02d}.wav,{store.vocabulary.names[n % 5]}\n" for n in range(8)))
    result = reproduce("table-7.1", store, tmp_path / "out", truth=truth, windows=windows)
    submissions = sorted(path.name for path in (tmp_path / "out").glob("submission*"))
    assert submissions == [f"submission-{number}-seed-0.csv" for number in range(1, 6)]
    rows = result["rows"]
    assert [row["reported"]["test"] for row in rows] == [0.43131, 0.43470, 0.43859, 0.47128, 0.47128]

    predicted = [predict_test([row["runs"][0]["path"]], windows=windows)[1] for row in rows[:3]]
    for row, members in zip(rows, ((0,), (1,), (2,), (0, 1), (0, 1, 2)), strict=True):
        scores = combine([predicted[member] for member in members])
        fnames = [f"test{n:02d}.wav" for n in range(8)]
        assert row["measured"]["test"] == pytest.approx(module.lwlrap_on_test(store, fnames, scores, truth))


def test_without_truth_the_final_models_are_submitted_only(store, tmp_path, trained):
    result = reproduce("table-7.1", store, tmp_path)
    assert len(list(tmp_path.glob("submission*"))) == 5
    assert not any("test" in row["measured"] for row in result["rows"])
    assert "| 5: mean of 1, 2 and 3 |" in result["markdown"] and "0.4713" in result["markdown"]


def test_rows_are_trained_really_and_share_their_first_stage(store, tmp_path, monkeypatch):
    feed = FeedConfig(batch_windows=16)
    first = Stage(("noisy",), epochs=1, validate_on="noisy", feed=feed)
    recipes = [
        dataclasses.replace(
            RECIPES[name], config=TrainConfig(ModelConfig(), (first, Stage(epochs=2, learning_rate=rate, feed=feed)))
        )
        for name, rate in (("table-6.6-adam-lr-1e-3", 1e-3), ("table-6.6-adam-lr-3e-4", 3e-4))
    ]
    monkeypatch.setattr(paper_tables, "RECIPES", {recipe.name: recipe for recipe in recipes})
    monkeypatch.setattr(training, "build", tiny_network)
    rows = []
    result = reproduce("table-6.6", store, tmp_path, report=rows.append)
    assert [row["stage"] for row in rows] == [1, 2, 2, 2, 2]
    assert all(0 < row["measured"]["validation"] <= 1 for row in result["rows"])
    again = reproduce("table-6.6", store, tmp_path, report=rows.append)
    assert len(rows) == 5 and again == result  # nothing is done twice
