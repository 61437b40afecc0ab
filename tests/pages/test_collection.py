"""What a page is made of: a store, or a folder of clips."""

import shutil

import numpy as np
import pytest
import soundfile

from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.pages.explore import explore
from tests.pages.html_tables import Tables


def test_a_data_set_without_a_store_says_that_silence_was_measured_on_a_sample(tiny_data, tmp_path, monkeypatch):
    from fat2019.pages import collection as module

    monkeypatch.setattr(module, "_SAMPLE_CLIPS", 5)
    told = []
    numbers = explore(tiny_data, tmp_path / "page.html", examples=0, progress=lambda *place: told.append(place))
    page = Tables((tmp_path / "page.html").read_text())
    assert [part["silence_measured_on"] for part in numbers["splits"].values()] == [5, 5, 5]
    assert {row[9] for row in page.rows["splits"][1:]} == {"a sample of 5"}
    assert "example" not in page.count
    assert numbers["clips"] == len(find_data_set(tiny_data).clips) == told[-1][0] == told[-1][1]


def test_data_set_and_store_agree_where_every_clip_is_measured(tiny_data, of_store, tmp_path):
    of_data = explore(tiny_data, tmp_path / "page.html", examples=0)
    for split, part in of_store[0]["splits"].items():
        assert of_data["splits"][split] == pytest.approx(part)
    assert of_data["pairs"] == of_store[0]["pairs"]


def test_clips_that_are_no_audio_are_listed(tiny_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    (data / "test" / "test00.wav").write_text("no audio")
    soundfile.write(data / "train_curated" / "curated03.wav", np.zeros(8000), 16_000)  # its head is in order
    explore(data, tmp_path / "page.html", examples=18)
    listed = Tables((tmp_path / "page.html").read_text()).rows["unreadable"][1:]
    assert [row[:2] for row in listed] == [["test00.wav", "test"], ["curated03.wav", "curated"]]


def test_what_is_neither_store_nor_data_set_is_refused(tmp_path, tiny_data, store):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no data set"):
        explore(tmp_path / "empty", tmp_path / "page.html")
    with pytest.raises(DataError, match="no feature store"):
        explore(tiny_data, tmp_path / "page.html", data=tiny_data)
    assert not (tmp_path / "page.html").exists()


def test_a_layout_is_of_a_data_set_and_taken_by_name(tmp_path, tiny_data, store):
    page = tmp_path / "page.html"
    with pytest.raises(DataError, match="not of the layout esc50"):
        explore(tiny_data, page, layout="esc50")
    with pytest.raises(DataError, match="not of the layout esc50"):
        explore(store.path, page, data=tiny_data, layout="esc50")
    with pytest.raises(DataError, match="is a feature store; --layout is for a data set"):
        explore(store.path, page, layout="kaggle")
