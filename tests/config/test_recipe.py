"""What a recipe says of itself."""

from fat2019.config.recipes import RECIPES


def test_each_row_says_what_was_decided_where_text_and_code_differ():
    by_name = {name: " ".join(recipe.decisions) for name, recipe in RECIPES.items()}
    assert "momentum of the backbone's batch normalisation: 0.9" in by_name["table-6.4-mobilenetv2"]
    assert "momentum" not in by_name["table-6.1-resnet50"]  # whose backbone is frozen
    assert "time warp: 13 frames" in by_name["table-7.1-model-2"]
    for name, recipe in RECIPES.items():
        assert ("--windows tiled" in by_name[name]) == bool({"validation", "test"} & recipe.reported.keys())
