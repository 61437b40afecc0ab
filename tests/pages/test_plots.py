import struct
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from fat2019.pages.plots import draw_cost, draw_curves


@pytest.fixture
def curves():
    epochs = np.arange(1, 6)
    return {
        name: pd.DataFrame(
            {"epoch": epochs, "lwlrap": top * (1 - 0.5**epochs), "val_lwlrap": 0.7 * top * (1 - 0.5**epochs)}
        )
        for name, top in (("ResNet50", 0.9), ("MobileNetV2", 0.6))
    }


def test_a_figure_is_a_png_and_an_svg_file_named_after_their_stem(curves, tmp_path):
    png, svg = draw_curves(tmp_path / "figure-6.2", curves, "no augmentation")
    assert (png.name, svg.name) == ("figure-6.2.png", "figure-6.2.svg")
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    assert width > height > 300
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")


def test_the_same_curves_give_the_same_bytes_and_others_do_not(curves, tmp_path):
    first, second = (draw_curves(tmp_path / name, curves, "t")[1].read_bytes() for name in "ab")
    assert first == second
    curves["ResNet50"].loc[2, "val_lwlrap"] += 0.1
    assert draw_curves(tmp_path / "c", curves, "t")[1].read_bytes() != first


def test_each_model_has_a_colour_and_validation_is_dashed(curves, tmp_path, monkeypatch):
    drawn = figures_drawn(monkeypatch)
    draw_curves(tmp_path / "f", curves, "title")
    axes = drawn[0].axes[0]
    lines = [(line.get_color(), line.get_linestyle(), line.get_ydata().tolist()) for line in axes.lines]
    assert lines == [
        ("C0", "-", curves["ResNet50"]["lwlrap"].tolist()),
        ("C0", "--", curves["ResNet50"]["val_lwlrap"].tolist()),
        ("C1", "-", curves["MobileNetV2"]["lwlrap"].tolist()),
        ("C1", "--", curves["MobileNetV2"]["val_lwlrap"].tolist()),
    ]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("epoch", "LWLRAP", "title")
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == [
        "ResNet50",
        "MobileNetV2",
        "train",
        "validation",
    ]


def figures_drawn(monkeypatch):
    from matplotlib import figure

    drawn, make = [], figure.Figure.__init__

    def remember(self, *args, **kwargs):
        make(self, *args, **kwargs)
        drawn.append(self)

    monkeypatch.setattr(figure.Figure, "__init__", remember)
    return drawn


def test_each_network_has_a_line_of_its_points_and_bars_of_their_deviation(tmp_path, monkeypatch):
    drawn = figures_drawn(monkeypatch)
    draw_cost(tmp_path / "cost", {"a": [(1.0, 0.5, 0.1), (10.0, 0.8, 0.0)], "b": [(2.0, 0.4, 0.05)]}, "title")
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    lines = [container.lines[0].get_xydata().tolist() for container in axes.containers]
    assert lines == [[[1.0, 0.5], [10.0, 0.8]], [[2.0, 0.4]]]
    bars = axes.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(bars, [[1, 0.4], [1, 0.6]])


def test_dollars_in_names_and_titles_are_shown_as_they_are(curves, tmp_path):
    _, svg = draw_curves(tmp_path / "f", {"A$AP_$": curves["ResNet50"]}, "Ba$$in")
    assert b"<!-- A$AP_$ -->" in svg.read_bytes() and b"<!-- Ba$$in -->" in svg.read_bytes()
    _, svg = draw_cost(tmp_path / "c", {"A$AP_$": [(1.0, 0.5, 0.1)]}, "Ba$$in")
    assert b"<!-- A$AP_$ -->" in svg.read_bytes() and b"<!-- Ba$$in -->" in svg.read_bytes()
