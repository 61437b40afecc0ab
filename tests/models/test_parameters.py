"""The table of parameters is what the builders make."""

import importlib
import json
import pkgutil

import pytest

from fat2019.config.features import NAMED
from fat2019.config.model import HEADS, NETWORKS, BackboneSizes, ModelConfig
from fat2019.config.recipes import RECIPES, recipe_of
from fat2019.models import backbones
from fat2019.models.networks import build, parameter_counts
from fat2019.models.parameters import Size, list_models, sizes

FILES = [module.name for module in pkgutil.iter_modules(backbones.__path__) if module.name != "base"]


def test_every_network_and_head_is_listed_once():
    heads = {name: HEADS if has_backbone else ("own",) for name, has_backbone in NETWORKS.items()}
    assert [(size.network, size.head) for size in sizes()] == [(name, head) for name in heads for head in heads[name]]


@pytest.mark.parametrize("size", sizes(), ids=lambda size: f"{size.network}-{size.head}")
def test_a_row_is_what_the_builder_makes(size):
    features = NAMED[RECIPES[recipe_of(size.network)].features]
    head = "dense" if size.head == "own" else size.head
    shape = (features.window_frames, features.mel_bands)
    model = build(ModelConfig(size.network, head=head, weights="none"), 1, shape)
    total, trainable, _ = parameter_counts(model)
    units = model.get_layer("scores").kernel.shape[0]
    assert size == Size(size.network, size.head, total, trainable, units)


@pytest.mark.parametrize("file", FILES)
def test_the_row_of_a_backbone_is_what_it_is_made_of(file):
    rows = {name.replace("-", "_"): (name, sizes) for name, sizes in NETWORKS.items()}
    name, sizes_in_table = rows.get(file, (file, None))
    features = NAMED[RECIPES[recipe_of(name)].features]
    row = importlib.import_module(f"{backbones.__name__}.{file}").BACKBONE
    backbone = row.build((features.window_frames, features.mel_bands, row.channels), name)
    maps = [backbone.get_layer(stage).output.shape[-1] for stage in row.stages]
    made = BackboneSizes(backbone.count_params(), backbone.output.shape[-1], sum(maps))
    assert made == sizes_in_table, f"its row in fat2019.config.model.NETWORKS: {made}"


def test_classes_add_to_the_last_layer_alone():
    rows = {(row["model"], row["head"]): row for row in list_models(80)}
    simple, resnet = rows["simple", "own"], rows["resnet50", "dense"]
    assert (simple["total"], simple["trainable"], simple["frozen"]) == (37_844, 37_650, 194)  # the report's table 6.1
    assert (resnet["total"], resnet["trainable"], resnet["frozen"]) == (24_132_816, 545_104, 23_587_712)
    assert simple["input_shape"] == [92, 80, 1] and rows["yamnet", "linear"]["input_shape"] == [96, 64, 1]
    assert resnet["recipe"] == "two-stages" and json.dumps(rows["yamnet", "linear"])
