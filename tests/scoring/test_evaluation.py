import csv
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from fat2019.data.data_set import find_data_set
from fat2019.errors import DataError
from fat2019.scoring.ensembles import combine
from fat2019.scoring.evaluation import evaluate_run, lwlrap_on_test, predict_test
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap
from fat2019.store.building.builder import build_features
from tests.run_folders import make_run

TEST = range(32, 40)  # the store's test clips


@pytest.fixture(scope="module")
def scores(store, runs):
    """Of the test clips, by run, in the store's order."""
    return [score_clips(run.model(), store, np.array(TEST)) for run in runs]


@pytest.fixture
def truth(store, tmp_path):
    """``truth(fnames, labels)`` writes a CSV file."""

    def write(fnames, labels):
        with (tmp_path / "truth.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["fname", "labels"], *zip(fnames, labels, strict=True)])
        return tmp_path / "truth.csv"

    return write


def test_validation_is_scored_on_the_clips_held_out(store, runs):
    clips = np.array([1, 4, 6, 11])
    expected = lwlrap(store.labels[clips], score_clips(runs[0].model(), store, clips))
    assert evaluate_run(runs[0].path) == {"validation": {"lwlrap": pytest.approx(expected), "clips": 4}}


def test_windows_may_be_the_loudest_only(store, runs):
    clips = np.array([1, 4, 6, 11])
    expected = lwlrap(store.labels[clips], score_clips(runs[0].model(), store, clips, windows="max-energy"))
    assert evaluate_run(runs[0].path, windows="max-energy")["validation"]["lwlrap"] == pytest.approx(expected)


def test_test_clips_are_scored_by_labels_from_a_file_in_any_order(store, runs, scores, truth):
    path = truth(["test05.wav", "test00.wav", "test07.wav"], ["Bark", "Bell,Hiss", "Drip"])
    labels = [store.vocabulary.encode(names) for names in (("Bark",), ("Bell", "Hiss"), ("Drip",))]
    expected = lwlrap(labels, scores[0][[5, 0, 7]])
    assert evaluate_run(runs[0].path, truth=path)["test"] == {"lwlrap": pytest.approx(expected), "clips": 3}
    fnames = store.clips["fname"][list(TEST)].tolist()
    assert lwlrap_on_test(store, fnames, scores[0], path) == pytest.approx(expected)


def test_labels_of_clips_that_are_no_test_clips_are_refused(runs, truth):
    with pytest.raises(DataError, match=r"2 of its clips are not among the test clips .*: curated01.wav, lost.wav"):
        evaluate_run(runs[0].path, truth=truth(["curated01.wav", "test00.wav", "lost.wav"], ["Bark"] * 3))


def test_a_label_outside_the_vocabulary_is_refused(runs, truth):
    with pytest.raises(DataError, match="Moo"):
        evaluate_run(runs[0].path, truth=truth(["test00.wav"], ["Moo"]))


def test_public_and_private_are_scored_apart_where_the_store_knows_them(store, runs, scores, monkeypatch):
    labels = store.labels.copy()
    labels[TEST, np.arange(8) % 5] = 1
    clips = store.clips.copy()
    clips.loc[list(TEST), "usage"] = ["Public"] * 3 + ["Private"] * 5
    monkeypatch.setattr("fat2019.runs.run.FeatureStore.labels", labels)
    monkeypatch.setattr("fat2019.runs.run.FeatureStore.clips", clips)
    result = evaluate_run(runs[1].path)
    assert {name: part["clips"] for name, part in result.items()} == {
        "validation": 4,
        "test": 8,
        "test public": 3,
        "test private": 5,
    }
    for name, rows in (("test", range(8)), ("test public", range(3)), ("test private", range(3, 8))):
        expected = lwlrap(labels[TEST][rows], scores[1][rows])
        assert result[name]["lwlrap"] == pytest.approx(expected)


def test_without_known_labels_the_test_clips_have_no_score(store, runs, scores):
    assert list(evaluate_run(runs[0].path)) == ["validation"]
    assert lwlrap_on_test(store, store.clips["fname"][list(TEST)].tolist(), scores[0]) is None


def test_a_run_is_not_evaluated_on_a_store_that_lacks_its_clips(store, tmp_path):
    run = make_run(tmp_path / "run", store, validation=(1, 2))
    (run.path / "split.csv").write_text(
        "fname,split,part\ncurated01.wav,curated,validation\ngone.wav,curated,validation\n"
    )
    with pytest.raises(DataError, match="lacks 1 of the clips"):
        evaluate_run(run.path)


def test_a_run_of_other_classes_is_refused(store, tmp_path):
    run = make_run(tmp_path / "run", store, vocabulary=["A", "B", "C", "D", "E"])
    with pytest.raises(DataError, match="vocabulary"):
        evaluate_run(run.path)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
@pytest.mark.parametrize("weights", [(), (1.0, 0.0, 3.0)])
def test_the_prediction_of_several_runs_is_the_mean_of_theirs(store, runs, mean, weights):
    fnames, mixed, vocabulary = predict_test([run.path for run in runs], mean=mean, weights=weights)
    each = [score_clips(run.model(), store, np.array(TEST), mean=mean) for run in runs]
    np.testing.assert_allclose(mixed, combine(each, mean, list(weights) or None), rtol=1e-5)
    assert fnames == [f"test{index:02d}.wav" for index in range(8)] and vocabulary == store.vocabulary


def test_progress_is_told_over_all_runs(runs):
    told = []
    predict_test([run.path for run in runs], progress=lambda done, total: told.append((done, total)))
    assert told == [(8, 24), (16, 24), (24, 24)]


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0, -1.0, 1.0), (0.0, 0.0, 0.0), (np.nan, 1.0, 1.0)])
def test_weights_must_be_one_a_run_and_weigh_something(runs, weights):
    received = ", ".join(f"{weight:g}" for weight in weights)
    with pytest.raises(DataError, match=rf"one per run \(3\), none below 0 and not all 0, received {received}"):
        predict_test([run.path for run in runs], weights=weights)


def test_a_list_without_labels_scores_nothing(store, runs, tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text(f"fname,labels\n{store.clips['fname'][TEST[0]]},\n")
    with pytest.raises(DataError, match=r"truth\.csv: no clip has a label"):
        evaluate_run(runs[0].path, truth=truth)


@pytest.fixture
def lost(monkeypatch):
    """A test clip whose audio could not be used."""
    table = pd.DataFrame([("test09.wav", "test", "no signal")], columns=["fname", "split", "reason"])
    monkeypatch.setattr("fat2019.runs.run.FeatureStore.quarantine", table)
    return "test09.wav"


def test_a_test_clip_without_features_gets_the_label_shares_of_the_training(store, runs, scores, lost, caplog):
    fnames, predicted, _ = predict_test([run.path for run in runs[:2]])
    row = fnames.index(lost)
    assert len(fnames) == len(TEST) + 1 and fnames == sorted(fnames)
    labelled = store.labels[(store.clips["split"] != "test").to_numpy()]
    np.testing.assert_allclose(predicted[row], labelled.mean(axis=0))
    np.testing.assert_allclose(np.delete(predicted, row, axis=0), combine(scores[:2]))
    assert "1 test clip without usable audio: scored by each class's share of the training clips" in caplog.text
    assert lost in caplog.text


def test_the_label_shares_are_those_of_the_clips_that_the_run_was_trained_on(store, runs, lost, tmp_path):
    run = make_run(tmp_path / "run", store, validation=(1, 4))
    with (run.path / "split.csv").open("a") as file:
        file.writelines(f"{store.clips['fname'][clip]},curated,train\n" for clip in (0, 2, 3))
    fnames, predicted, _ = predict_test([run.path])
    np.testing.assert_allclose(predicted[fnames.index(lost)], store.labels[[0, 2, 3]].mean(axis=0))


def test_a_test_clip_without_features_is_refused_if_that_is_asked_for(runs, lost):
    with pytest.raises(DataError, match=rf"1 test clip without usable audio, so without scores: {lost}"):
        predict_test([runs[0].path], strict=True)


@pytest.fixture
def other_recordings(store, tiny_data, tmp_path):
    """A store of clips of the same names, one of which has another sound, and a run that was trained on the first."""
    run = make_run(tmp_path / "run", store, validation=(1, 4, 6, 11), stated=True)
    data = shutil.copytree(tiny_data, tmp_path / "data")
    path = data / "train_curated" / "curated00.wav"
    samples, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, samples[::-1], rate)
    build_features(find_data_set(data), tmp_path / "other", store.config, workers=1, clips_a_shard=4)
    return run, tmp_path / "other"


def test_validation_on_other_recordings_of_the_same_names_is_refused(other_recordings):
    run, other = other_recordings
    with pytest.raises(DataError, match=r"recordings are not those .* no validation clips; .* give --truth"):
        evaluate_run(run.path, features=other)
    with pytest.raises(DataError, match=r"its recordings are not those that the run .* was trained on"):
        run.store(other)


def test_the_test_clips_of_other_recordings_are_scored_and_nothing_else(other_recordings, truth, store, caplog):
    run, other = other_recordings
    result = evaluate_run(run.path, features=other, truth=truth(["test00.wav"], ["Bark"]))
    assert list(result) == ["test"] and "only test clips are scored" in caplog.text
    _, scores, _ = predict_test([run.path], features=other)
    np.testing.assert_array_equal(scores, predict_test([run.path])[1])


def test_a_store_that_was_built_again_from_other_files_is_not_taken_without_being_given(other_recordings):
    run, other = other_recordings
    config = (run.path / "config.json").read_text()
    (run.path / "config.json").write_text(config.replace(json.dumps(run.config["store"]), json.dumps(str(other))))
    with pytest.raises(DataError, match="was it built again from other files"):
        predict_test([run.path])


def test_runs_of_other_features_are_averaged_each_from_its_own_store(store, open_store, runs, tmp_path):
    floats = make_run(tmp_path / "floats", open_store("float32"), seed=1)
    of_two = predict_test([runs[0].path, floats.path])
    alone = [predict_test([run.path]) for run in (runs[0], floats)]
    assert of_two[0] == alone[0][0] == alone[1][0]
    np.testing.assert_allclose(of_two[1], combine([scores for _, scores, _ in alone]))
    with pytest.raises(DataError, match="other settings"):
        predict_test([runs[0].path, floats.path], features=store.path)


def test_a_score_that_lacks_a_test_clip_says_so(runs, lost, truth, caplog):
    evaluate_run(runs[0].path, truth=truth(["test00.wav"], ["Bark"]))
    assert f"not scored, since their audio could not be used: {lost}" in caplog.text
    with pytest.raises(DataError, match=rf"1 of its clips have no features in .*: {lost}; repair the files"):
        evaluate_run(runs[0].path, truth=truth(["test00.wav", lost], ["Bark", "Bark"]))


def test_clips_of_a_list_filled_in_by_half_are_not_counted_as_scored(store, runs, scores, truth):
    score = evaluate_run(runs[0].path, truth=truth(["test00.wav", "test01.wav"], ["Bark", ""]))["test"]
    assert score == {"lwlrap": pytest.approx(lwlrap([store.vocabulary.encode(("Bark",))], scores[0][:1])), "clips": 1}


def test_a_store_without_test_clips_is_refused(store, runs, monkeypatch):
    monkeypatch.setattr("fat2019.runs.run.FeatureStore.clips", store.clips[store.clips["split"] != "test"])
    with pytest.raises(DataError, match="no test clips"):
        predict_test([runs[0].path])
