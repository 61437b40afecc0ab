"""The report's tables by name, and their rows."""

from fat2019.config.recipes import OURS, RECIPES
from fat2019.experiments.paper_tables import EXPERIMENTS
from fat2019.experiments.report_tables import reproduce


def test_a_figures_name_stands_for_its_table(store, tmp_path, trained):
    assert reproduce("figure-6.4", store, tmp_path)["experiment"] == "table-6.5"
    assert len(trained) == 6  # MixUp is in the table, and not in the figure
    assert set(EXPERIMENTS["table-6.5"].curves) < {name.removesuffix("-seed-0") for name, _ in trained}


def test_another_backbone_takes_the_place_of_the_reports_without_its_figures_and_without_rows_twice(
    store, tmp_path, trained
):
    result = reproduce("table-6.5", store, tmp_path / "6.5", backbone="mobilenetv2")
    own = [f"table-6.5-mobilenetv2-{augmentation}" for augmentation in ("raw", "specaugment", "mixup")]
    assert [row["recipe"] for row in result["rows"]] == own
    assert all(row["reported"] for row in result["rows"])
    result = reproduce("table-7.1", store, tmp_path / "7.1", backbone="mobilenetv2", weights="weights.h5")
    assert [row["row"].split(", ")[0] for row in result["rows"][:3]] == [f"{n}: MobileNetV2" for n in (1, 2, 3)]
    assert [bool(row["reported"]) for row in result["rows"]] == [True, False, False, False, False]
    assert "backbone: mobilenetv2; weights: weights.h5;" in (tmp_path / "7.1" / "table.md").read_text()
    models = [config.model for _, config in trained[3:]]
    assert [(model.name, model.weights) for model in models] == [
        ("mobilenetv2", "none"),  # the report's model 1 has no pretrained weights
        ("mobilenetv2", "weights.h5"),
        ("mobilenetv2", "weights.h5"),
    ]


def test_every_experiment_has_rows_and_every_recipe_an_experiment():
    assert {recipe.experiment for recipe in RECIPES.values()} - {OURS} == set(EXPERIMENTS)
    for experiment in EXPERIMENTS.values():
        assert set(experiment.curves) <= set(RECIPES)
