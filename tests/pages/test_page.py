import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import soundfile

from fat2019.pages import figures
from fat2019.pages.page import Page


def test_a_figure_on_a_page_is_an_svg_within_it_and_files_beside_it(tmp_path):
    figure = figures.label_histogram(["Bark", "Meow"], {"curated": np.array([3, 5])})
    html = Page(tmp_path / "figures").figure("labels", figure, 'Clips of "each" class')
    svg = base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html).group(1))
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert (tmp_path / "figures" / "labels.svg").read_bytes() == svg
    assert (tmp_path / "figures" / "labels.png").read_bytes().startswith(b"\x89PNG")
    assert 'alt="Clips of &#34;each&#34; class"' in html


def test_without_a_folder_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Page().figure("x", figures.label_histogram(["Bark"], {"noisy": np.array([1])}), "x")
    assert not list(tmp_path.iterdir())


def test_a_sound_is_a_wav_of_its_first_seconds():
    samples = np.random.default_rng(0).integers(-9000, 9000, 16_000 * 3).astype(np.int16)
    html = Page().sound(samples, 16_000, seconds=2)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html).group(1))
    decoded, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == 16_000
    assert np.array_equal(decoded, samples[:32_000])


def test_text_from_outside_cannot_become_markup():
    html = Page().render("explore.html", title="<script>alert(1)</script>", **_empty_page())
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def _empty_page():
    summary = {
        "source": "x",
        "kind": "feature store",
        "clips": 0,
        "hours": 0.0,
        "classes": 1,
        "unreadable": 0,
        "splits": {},
    }
    return {
        "summary": summary,
        "figures": [],
        "examples": [],
        "validation_share": 0.2,
        "class_figures": [],
        "classes": [{"name": "a", "clips": {}, "validation": {}}],
        "pairs": [],
        "unreadable": [],
    }
