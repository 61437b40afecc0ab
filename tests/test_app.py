import time

import numpy as np
import pytest
import soundfile

from fat2019 import DataError, app
from fat2019.app import made, tags_of
from fat2019.runs import Run
from fat2019.tagging import Tagger
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
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.std() > 10


def test_no_audio_and_too_much_of_it_are_refused_without_the_folder_in_the_message(tagger, text, two_hours, tmp_path):
    for path, reason in ((text, "no audio"), (two_hours, "120 minutes are too long")):
        with pytest.raises(DataError, match=reason) as refusal:
            tags_of(tagger, path)
        assert str(tmp_path) not in str(refusal.value)


def test_without_the_library_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    with pytest.raises(DataError, match=r"extra \[app\]"), made(run.path):
        pass


@pytest.fixture
def shown(run):
    """The address of the page, and the folder of what is uploaded."""
    import os
    from pathlib import Path

    pytest.importorskip("gradio")
    with made(run.path) as page:
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        _, address, _ = page.launch(
            server_name=app.ADDRESS, max_file_size=app.MOST_BYTES, quiet=True, prevent_thread_lock=True
        )
        yield address, folder
        page.close()
    assert not folder.exists()


def test_in_a_browser_a_file_gets_tags_and_what_cannot_be_used_a_message(shown, sound, text, two_hours, tagger):
    playwright = pytest.importorskip("playwright.sync_api")
    address, folder = shown
    assert address.startswith("http://127.0.0.1:")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for path, message in ((text, "no audio"), (two_hours, "too long")):
            page = _opened(browser, address, path)
            page.get_by_text(message).first.wait_for(timeout=30_000)
        page = _opened(browser, address, sound)
        best = next(iter(tags_of(tagger, sound)[0]))
        page.locator("#tags").get_by_text(best).first.wait_for(timeout=30_000)
        page.locator("#timeline img").wait_for(timeout=30_000)
        time.sleep(0.5)  # the waveform is drawn by the browser after its frame is there
        page.screenshot(path=sound.with_suffix(".png"), full_page=True)
        browser.close()
    assert any(folder.rglob("noise*"))


def _opened(browser, address, path):
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    page.goto(address)
    page.locator("#sound input[type=file]").first.set_input_files(path)
    return page
