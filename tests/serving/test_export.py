import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from fat2019.audio.logmel import log_mel, repeat_to
from fat2019.audio.quantise import quantise
from fat2019.cli import main
from fat2019.config.model import ModelConfig
from fat2019.errors import DataError
from fat2019.feed.evaluation import EvaluationWindows
from fat2019.models.networks import build
from fat2019.runs.run import Run
from fat2019.scoring.inference import score_clips
from fat2019.serving.export import export, waveform_scores
from fat2019.store.reader import FlatLogMels
from tests.conftest import RATE_HZ
from tests.run_folders import make_run


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", store, validation=range(4))


@pytest.fixture(scope="module")
def waveforms(store):
    """Clips shorter than a window, of exactly one, a little longer, and of several."""
    return [store.audio(fname).astype(np.float32) / 32_768 for fname in store.clips["fname"]]


@pytest.fixture(scope="module")
def expected(store, run):
    return score_clips(run.model(), store, np.arange(len(store.clips)))


def saved_model(path):
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda waveform: signature(waveform=tf.constant(waveform))["scores"].numpy()


def tflite(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its successor
        interpreter = tf.lite.Interpreter(str(path))
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()

    def scores(waveform):
        interpreter.resize_tensor_input(source["index"], [len(waveform)])
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], waveform)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return scores


def onnx(path):
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path))
    return lambda waveform: session.run(["scores"], {"waveform": waveform})[0]


@pytest.mark.parametrize("load", [saved_model, tflite, onnx])
def test_an_export_gives_the_scores_of_predict(load, run, waveforms, expected, tmp_path):
    if load is onnx:
        pytest.importorskip("tf2onnx")
    result = export(run, load.__name__, tmp_path / "exported")
    scores = load(tmp_path / "exported")
    lengths = [len(waveform) for waveform in waveforms]
    assert min(lengths) < 48_000 < max(lengths) - 48_000
    np.testing.assert_allclose([scores(waveform) for waveform in waveforms], expected, atol=1e-4)
    assert json.loads((tmp_path / "exported.labels.json").read_text()) == list(run.vocabulary.names)
    assert (result["classes"], result["sample_rate_hz"]) == (len(run.vocabulary), 16_000)
    assert result["bytes"] > 1000


@pytest.fixture(scope="module")
def touchy_run(store, tmp_path_factory):
    """A random network of the real kind, alive at every depth: one step of one stored value can move its scores."""
    run = make_run(tmp_path_factory.mktemp("runs") / "touchy", store)
    keras.utils.set_random_seed(0)
    features = store.config
    network = build(ModelConfig(dropout=0.0), len(run.vocabulary), (features.window_frames, features.mel_bands))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    images = next(iter(EvaluationWindows(store.read_log_mels(np.arange(16)), features).dataset(64)))[0]
    network(images, training=True)  # the moving statistics are now those of these images
    head, random = network.get_layer("scores"), np.random.default_rng(1)
    head.set_weights([random.normal(size=weights.shape) for weights in head.get_weights()])
    network.save(run.path / "model.keras")
    return Run.open(run.path)


@pytest.mark.parametrize("load", [saved_model, tflite, onnx])
def test_a_touchy_network_scores_alike_but_where_a_stored_value_lies_on_the_edge_of_a_step(
    load, touchy_run, store, waveforms, tmp_path
):
    if load is onnx:
        pytest.importorskip("tf2onnx")
    expected = score_clips(touchy_run.model(), store, np.arange(len(store.clips)))
    assert expected.std(axis=0).mean() > 0.1
    export(touchy_run, load.__name__, tmp_path / "exported")
    scores = load(tmp_path / "exported")
    differences = np.abs([scores(waveform) for waveform in waveforms] - expected).max(axis=1)  # (clips,)
    # A few values in a million lie so near an edge that a sum in another order puts them on its other side; with a
    # Fourier transform that rounds otherwise than SciPy's there are some hundred.
    assert (differences <= 1e-4).mean() >= 0.95
    assert differences.max() < 1e-3
    long = np.concatenate([store.audio(fname) for fname in store.clips["fname"]] * 2)
    assert len(long) > 60 * RATE_HZ
    short = long[:3000]
    for samples in (short, long):
        in_graph = scores(samples.astype(np.float32) / 32_768)
        np.testing.assert_allclose(in_graph, _predicted(touchy_run, samples), atol=1e-4)


def _predicted(run, samples):
    """The scores of int16 ``(samples,)`` by way of what a store would hold of them."""
    stored, decibel_range = quantise(log_mel(repeat_to(samples, 48_000), run.features), run.features)
    offsets = np.array([0, len(stored)])
    flat = FlatLogMels(stored, offsets, np.zeros(0, np.int64), np.zeros(2, np.int64), decibel_range[None])
    images = np.concatenate([batch for batch, _ in EvaluationWindows(flat, run.features).dataset()])
    return run.model()(images).numpy().mean(axis=0)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_log_mels_stored_as_decibels_are_scored_alike(dtype, open_store, tmp_path):
    store = open_store(dtype)
    run = make_run(tmp_path / "run", store)
    score = waveform_scores(run.model(), run.features)
    expected = score_clips(run.model(), store, np.arange(6))
    waveforms = [store.audio(fname).astype(np.float32) / 32_768 for fname in store.clips["fname"][:6]]
    np.testing.assert_allclose([score(waveform)["scores"] for waveform in waveforms], expected, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 1000, 47_999, 48_000, 48_001, 48_512, 95_104, 200_000])
def test_a_waveform_of_any_length_has_scores_and_silence_too(samples, run):
    score = waveform_scores(run.model(), run.features)
    noise = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    for waveform in (noise, np.zeros(samples, np.float32)):
        scores = score(waveform)["scores"].numpy()
        assert scores.shape == (len(run.vocabulary),)
        assert np.isfinite(scores).all()


def test_a_short_waveform_is_repeated(run):
    score = waveform_scores(run.model(), run.features)
    noise = np.random.default_rng(0).normal(0, 0.1, 10_000).astype(np.float32)
    np.testing.assert_allclose(score(noise)["scores"], score(np.resize(noise, 48_000))["scores"], atol=1e-6)


def test_an_export_replaces_an_older_one_and_nothing_else(run, tmp_path):
    target = tmp_path / "out"
    export(run, "saved_model", target)
    export(run, "saved_model", target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.labels.json"]
    with pytest.raises(DataError, match="folder of that name"):
        export(run, "tflite", target)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(DataError, match="neither empty nor an export"):
        export(run, "saved_model", tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    (target / "notes.txt").write_text("keep")
    with pytest.raises(DataError, match="neither empty nor an export"):
        export(run, "saved_model", target)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "saved_model.pb").write_text("of another program")
    with pytest.raises(DataError, match="neither empty nor an export"):
        export(run, "saved_model", tmp_path / "theirs")
    assert (tmp_path / "theirs" / "saved_model.pb").read_text() == "of another program"
    with pytest.raises(DataError, match="expected one of"):
        export(run, "coreml", tmp_path / "x")


def test_without_its_converter_onnx_says_which_extra_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    with pytest.raises(DataError, match=r"extra \[onnx\]"):
        export(run, "onnx", tmp_path / "model.onnx")


def test_the_command_writes_into_the_run_by_default(run):
    result = CliRunner().invoke(main, ["export", str(run.path), "--to", "tflite", "--json"])
    assert result.exit_code == 0, result.output
    path = run.path / "export" / "model.tflite"
    assert json.loads(result.stdout)["path"] == str(path)
    assert path.stat().st_size == json.loads(result.stdout)["bytes"]
    Run.open(run.path)  # is still a run


@pytest.mark.parametrize("load", [saved_model, tflite, onnx])
def test_an_export_of_unscaled_features_gives_the_scores_of_predict(load, open_store, tmp_path):
    if load is onnx:
        pytest.importorskip("tf2onnx")
    store = open_store("float16", "yamnet")
    run = make_run(tmp_path / "run", store)
    form = load.__name__
    score = load(export(run, form, tmp_path / form)["path"])
    expected = score_clips(run.model(), store, np.arange(6))
    for clip, scores in enumerate(expected):
        waveform = store.audio(store.clips["fname"][clip]).astype(np.float32) / 32_768
        np.testing.assert_allclose(np.ravel(score(waveform)), scores, atol=1e-4)
