"""Configurations of older versions as today's would have written them."""

import json

import pytest

from fat2019.config.training import TrainConfig
from fat2019.errors import DataError
from fat2019.runs.upgrade import upgraded
from tests.runs.old import ARTEFACTS, CONFIG


def test_an_old_configuration_is_read_as_the_same_configuration_of_today():
    config = json.loads((ARTEFACTS / "run-finished" / "config.json").read_text())
    assert TrainConfig.from_plain(upgraded(config)["train"]) == CONFIG


def test_what_is_upgraded_stays_as_it_is():
    config = {"train": CONFIG.to_plain(), "store": "somewhere"}
    assert upgraded(config) == config


def test_an_augmentation_of_nobody_is_refused_by_its_name():
    train = CONFIG.to_plain()
    train["stages"][1]["feed"]["augmentations"]["echo"] = {}
    with pytest.raises(DataError, match=r"augmentation: expected one of .*mixup.*received 'echo'"):
        upgraded({"train": train})
