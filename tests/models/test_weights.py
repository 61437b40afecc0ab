"""Where pretrained weights come from, and what is said where they are not to be had."""

import functools
import hashlib
import http.server
import json
import threading
import zipfile

import h5py
import keras
import numpy as np
import pytest

from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.models import weights
from fat2019.models.backbones import BACKBONES
from fat2019.models.networks import build, require_weights
from fat2019.models.weights import Published, what_is_wrong


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Empty folders of downloads: no test sees what its user has."""
    monkeypatch.setenv("FAT2019_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def offline(monkeypatch):
    def refuse(url, timeout):
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(weights.urllib.request, "urlopen", refuse)


@pytest.fixture
def served(tmp_path):
    """A folder that a server on this machine serves, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(10_000)
    return path


def test_the_cache_is_moved_by_an_environment_variable(monkeypatch, tmp_path):
    assert BACKBONES["yamnet"].published.path == tmp_path / "cache" / "yamnet.h5"
    monkeypatch.delenv("FAT2019_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert BACKBONES["yamnet"].published.path == tmp_path / "home" / ".cache" / "fat2019" / "yamnet.h5"


@pytest.mark.parametrize("name", BACKBONES)
def test_weights_that_cannot_be_fetched_are_one_line_with_what_to_do(offline, name):
    published = BACKBONES[name].published
    for attempt in (require_weights, lambda config: build(config, 5, (32, 32))):
        with pytest.raises(DataError) as caught:
            attempt(ModelConfig(name))
        message = str(caught.value)
        assert "\n" not in message
        for part in (published.url, str(published.path), "downloaded (Temporary failure", "--weights none or a file"):
            assert part in message


@pytest.mark.parametrize("config", [ModelConfig("simple"), ModelConfig("resnet50", weights="none")])
def test_nothing_is_fetched_that_is_not_asked_for(offline, config):
    require_weights(config)
    assert not BACKBONES["resnet50"].published.path.exists()


def test_weights_in_kerass_folder_are_taken_without_a_network(offline):
    donor = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    path = BACKBONES["mobilenetv2"].published.path
    path.parent.mkdir(parents=True)
    donor.save_weights(path.with_suffix(".weights.h5"))
    path.with_suffix(".weights.h5").rename(path)
    config = ModelConfig("mobilenetv2")
    require_weights(config)
    model = build(config, 5, (32, 32))
    for ours, theirs in zip(model.get_layer("mobilenetv2").get_weights(), donor.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_download_is_kept_and_not_made_again(served, tmp_path):
    folder, address = served
    content = write_hdf5(folder / "some.h5").read_bytes()
    published = Published("imagenet", f"{address}/some.h5", weights.cache, md5=hashlib.md5(content).hexdigest())
    assert published.fetch().read_bytes() == content
    (folder / "some.h5").unlink()
    assert published.fetch() == tmp_path / "cache" / "some.h5"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["some.h5"]


@pytest.mark.parametrize("options", [{"md5": "0" * 32}, {"check": lambda path: "its arrays are others"}])
def test_a_download_that_is_not_what_was_published_is_not_kept(served, tmp_path, options):
    folder, address = served
    write_hdf5(folder / "some.h5")
    with pytest.raises(DataError, match=r"its MD5 sum|its arrays are others"):
        Published("imagenet", f"{address}/some.h5", weights.cache, **options).fetch()
    assert not list((tmp_path / "cache").iterdir())


def test_an_address_that_is_not_there_is_told_with_the_servers_answer(served):
    _, address = served
    with pytest.raises(DataError, match="404"):
        Published("imagenet", f"{address}/none.h5", weights.cache).fetch()


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path.read_bytes()


def test_what_a_file_is_instead_of_weights_is_told_by_a_look_at_it(tmp_path):
    whole = write_hdf5(tmp_path / "whole.h5").read_bytes()
    newer = archive(tmp_path / "newer.keras", **{"metadata.json": json.dumps({"keras_version": "99.1.0"})})
    torch = archive(tmp_path / "model.pth", **{"model/data.pkl": ""})
    for content, words in (
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"<html><body>404", "web page"),
        (whole[: len(whole) // 2], "cut short"),
        (newer, "written by Keras 99.1.0"),
        (newer[:40], "cut short or damaged"),
        (torch, "PyTorch"),
        (b"RIFF....WAVE", "neither HDF5"),
    ):
        path = tmp_path / "given"
        path.write_bytes(content)
        assert words in what_is_wrong(path)
        with pytest.raises(DataError, match=str(path)):
            require_weights(ModelConfig("mobilenetv2", weights=str(path)))
    assert what_is_wrong(tmp_path / "whole.h5") is None
    assert "no such weights file" in what_is_wrong(tmp_path / "missing.h5")
    assert "not a file" in what_is_wrong(tmp_path)


def test_which_published_weights_is_a_matter_of_the_network():
    assert ModelConfig("yamnet").weights == ModelConfig("yamnet", weights="imagenet").weights == "audioset"
    assert ModelConfig().weights == ModelConfig("resnet50", weights="audioset").weights == "imagenet"
