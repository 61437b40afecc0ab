import base64
import io
import os
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.serving import app
from fat2019.serving.app import made, tags_of
from fat2019.serving.tagger import Tagger
from tests.conftest import RATE_HZ
from tests.run_folders import make_run


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", store)


@pytest.fixture(scope="module")
def tagger(run):
    return Tagger(Run.open(run.path))


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "noise.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 5 * RATE_HZ), RATE_HZ)
    return path


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("no audio")
    return path


@pytest.fixture
def two_hours(tmp_path):
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 1000, 1) as file:
        file.write(np.zeros(2 * 3600 * 1000, np.int16))
    return path


def test_the_tags_are_those_of_the_command_and_the_pictures_have_pixels(tagger, sound):
    tags, timeline, log_mel = tags_of(tagger, sound)
    [tagged] = tagger.tag([sound], lambda path, reason: None)
    assert tags == dict(tagger.top(tagged.scores, 8))
    for picture in (timeline, log_mel):
        [png] = re.findall(r"data:image/png;base64,([^\"]+)", picture)
        assert imread(io.BytesIO(base64.b64decode(png))).std() > 0.04


def test_no_audio_and_too_much_of_it_are_refused_without_the_folder_in_the_message(tagger, text, two_hours, tmp_path):
    for path, reason in ((text, "no audio"), (two_hours, "120 minutes are too long")):
        with pytest.raises(DataError, match=reason) as refusal:
            tags_of(tagger, path)
        assert str(tmp_path) not in str(refusal.value)


def test_without_the_library_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    with pytest.raises(DataError, match=r"extra \[app\]"), made(run.path):
        pass


def test_the_page_is_made_without_the_proxies_of_the_environment(run, monkeypatch):
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    seen = []

    def see(extra, what, module):
        seen.append([name for name in os.environ if name.lower().endswith("_proxy") and name.lower() != "no_proxy"])
        raise DataError("seen")

    monkeypatch.setattr(app, "require_extra", see)
    with pytest.raises(DataError, match="seen"), made(run.path):
        pass
    assert seen == [[]] and os.environ["ALL_PROXY"] == "socks5://127.0.0.1:9"


@pytest.fixture
def shown(run, tmp_path, monkeypatch):
    """The address of the page, and the folder of what is uploaded; when it is closed down, nothing is left."""
    pytest.importorskip("gradio")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "working").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "working")
    before = sorted(run.path.rglob("*"))
    with made(run.path) as page:
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        _, address, _ = app.launch(page, prevent_thread_lock=True)
        yield address, folder
        page.close()
    assert not list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "working").iterdir())
    assert sorted(run.path.rglob("*")) == before


def test_in_a_browser_a_file_gets_tags_and_what_cannot_be_used_a_message(
    shown, browser, sound, text, two_hours, tagger
):
    address, folder = shown
    assert address.startswith("http://127.0.0.1:")
    for path, message in ((text, "no audio"), (two_hours, "120 minutes are too long")):
        page = _opened(browser, address, path)
        page.get_by_role("alert").get_by_text(message).wait_for(timeout=30_000)
        assert str(folder) not in page.inner_text("body")
    page = _opened(browser, address, sound)
    tags = tags_of(tagger, sound)[0]
    page.locator("#timeline img").wait_for(timeout=30_000)
    shown_tags = page.inner_text("#tags")
    assert all(name in shown_tags for name in tags)
    assert f"{round(100 * max(tags.values()))}%" in shown_tags
    assert page.locator("#log-mel img").get_attribute("alt") == "Log-mel spectrogram"
    assert any(folder.rglob("noise*"))


def test_on_a_telephone_the_page_has_its_width_and_pictures_stay_large_enough_to_read(shown, browser, sound):
    page = _opened(browser, shown[0], sound, width=390)
    page.locator("#log-mel img").wait_for(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    score = page.locator("#tags dd").first.bounding_box()
    assert score["x"] + score["width"] < 360
    assert all(page.locator(f"{part} img").bounding_box()["width"] >= 760 for part in ("#timeline", "#log-mel"))


def test_the_page_asks_no_other_machine_for_anything(shown, browser, sound):
    page = browser.new_page()
    asked = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    page.goto(shown[0])
    page.locator("#sound input[type=file]").first.set_input_files(sound)
    page.locator("#timeline img").wait_for(timeout=30_000)
    assert asked - {None} == {"127.0.0.1"}  # None: data within the page


def test_what_the_microphone_hears_is_tagged(shown, browser, tagger):
    page = browser.new_context(permissions=["microphone"]).new_page()
    page.goto(shown[0])
    page.get_by_label("Record audio").click()
    page.locator("#sound button.record-button").click()
    time.sleep(2)
    page.locator("#sound button.stop-button").click()
    page.locator("#timeline img").wait_for(timeout=30_000)
    assert any(name in page.inner_text("#tags") for name in tagger.class_names)


def test_a_file_larger_than_the_limit_is_refused_before_it_is_stored(run, browser, sound, monkeypatch, request):
    monkeypatch.setattr(app, "MOST_BYTES", 20_000)
    address, folder = request.getfixturevalue("shown")
    page = _opened(browser, address, sound)
    page.get_by_text("maximum allowed size").first.wait_for(timeout=30_000)
    assert not any(folder.rglob("noise*"))


def _opened(browser, address, path, width=1280):
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.goto(address)
    page.locator("#sound input[type=file]").first.set_input_files(path)
    return page
