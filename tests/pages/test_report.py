import json

import numpy as np
import pytest
from click.testing import CliRunner

from fat2019.cli import main
from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.pages.page import Page
from fat2019.pages.report import ENSEMBLE, _confusions, _Results, _worst, report
from fat2019.scoring.inference import score_clips
from fat2019.scoring.metrics import lwlrap
from tests.pages.html_tables import Tables
from tests.run_folders import make_run


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    """Two runs that share the clips 2 to 9 of those held out."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        make_run(folder / "one", store, seed=1, validation=range(10)),
        make_run(folder / "two", store, seed=2, validation=range(2, 14)),
    ]


@pytest.fixture(scope="module")
def of_two(runs, tmp_path_factory):
    """The numbers and the page of both."""
    folder = tmp_path_factory.mktemp("report")
    numbers = report([run.path for run in runs], folder / "page.html", figures_folder=folder / "figures")
    return numbers, Tables((folder / "page.html").read_text()), folder


@pytest.fixture(scope="module")
def scores(runs, store):
    return [score_clips(run.model(), store, np.arange(2, 10)) for run in runs]


def test_runs_are_compared_on_the_clips_held_out_from_all_beside_their_mean(runs, store, of_two, scores):
    numbers, page, _ = of_two
    truth = store.labels[2:10]
    expected = [lwlrap(truth, of_run) for of_run in [*scores, (scores[0] + scores[1]) / 2]]
    assert numbers["clips"] == 8
    assert [row["held_out"] for row in numbers["runs"]] + [numbers["ensemble"]] == pytest.approx(expected)
    rows = page.rows["runs"][1:]
    assert [row[-1] for row in rows] == [f"{value:.4f}" for value in expected]
    assert [row[0] for row in rows] == ["one", "two", ENSEMBLE]
    for run, row in zip(runs, rows, strict=False):
        summary = run.summary()
        assert row[2:5] == [f"{summary['parameters']:,}", f"{summary['trainable']:,}", str(summary["epochs"])]
        assert row[6:9] == [f"{summary[name]:.4f}" for name in ("train", "validation", "validation_tiled")]


def test_each_class_has_its_support_and_the_mean_precision_of_its_labels(store, of_two, scores):
    _, page, _ = of_two
    truth, rows = store.labels[2:10], page.rows["classes"][1:]
    assert {row[0] for row in rows} == {
        name for name, count in zip(store.vocabulary.names, truth.sum(axis=0), strict=True) if count
    }
    for name, support, *values in rows:
        column = store.vocabulary.names.index(name)
        clips = np.flatnonzero(truth[:, column])
        assert int(support) == len(clips)
        for value, of_run in zip(values, [*scores, (scores[0] + scores[1]) / 2], strict=True):
            precision = [np.mean(truth[clip][of_run[clip] >= of_run[clip, column]]) for clip in clips]
            assert value == f"{np.mean(precision):.3f}"
    assert [row[-1] for row in rows] == sorted(row[-1] for row in rows)  # the worst first


def test_the_page_has_curves_of_each_run_and_players_of_the_worst_clips_and_needs_no_network(store, of_two, scores):
    _, page, folder = of_two
    mean, truth = (scores[0] + scores[1]) / 2, store.labels[2:10]
    wrong = sum(lwlrap(truth[[row]], mean[[row]]) < 1 for row in range(8))
    names = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert names == {"curves-one", "curves-two", *(f"worst-{place}" for place in range(1, wrong + 1))}
    assert page.count["worst"] == page.count["audio"] == wrong > 0
    assert page.count["details"] == 2  # configurations
    assert all(link.startswith("data:") for link in page.links)


def test_the_worst_clips_come_first_with_their_highest_scores(store, of_two, scores):
    text = (of_two[2] / "page.html").read_text()
    mean, truth = (scores[0] + scores[1]) / 2, store.labels[2:10]
    precision = [lwlrap(truth[[row]], mean[[row]]) for row in range(8)]
    fnames = store.clips["fname"].to_numpy()[2:10]
    places = [text.index(f"{fnames[row]}; ") for row in np.argsort(precision, kind="stable") if precision[row] < 1]
    assert places == sorted(places)
    worst = int(np.argmin(precision))
    best = mean[worst].argmax()
    assert f"{store.vocabulary.names[best]} {mean[worst, best]:.3f}" in text[places[0] : places[1]]


def test_right_predictions_are_not_among_the_worst(store):
    truth = store.labels[2:10]
    right = truth.astype(float)
    right[3] = 1 - right[3]
    results = _Results(store, store.vocabulary, "curated", np.arange(2, 10), truth, [right], right)
    worst = _worst(Page(), results)
    assert [clip["fname"] for clip in worst] == [store.clips["fname"].iloc[5]]


def test_a_score_of_few_clips_carries_its_caution(runs, store, tmp_path):
    path = runs[0].path / "metrics.json"
    metrics = json.loads(path.read_text())
    stated = {"clips": 8, "groups": 8, "clips_of_rarest_class": 1, "classes_not_held_out": 0}
    path.write_text(json.dumps({**metrics, "validation": {**metrics["validation"], **stated}}))
    report([runs[0].path], tmp_path / "page.html")
    path.write_text(json.dumps(metrics))
    assert "read this score with caution: only 8 clips held out" in (tmp_path / "page.html").read_text()


def test_a_confusion_is_a_label_and_the_class_ranked_first_in_its_place():
    vocabulary = Vocabulary(("a", "b", "c"))
    truth = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]], np.uint8)
    scores = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.2, 0.3, 0.1], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    found = [
        (pair["label"], pair["predicted"], pair["clips"], pair["of"]) for pair in _confusions(truth, scores, vocabulary)
    ]
    assert found == [("a", "b", 2, 4), ("a", "c", 1, 4), ("b", "c", 1, 1)]


def test_one_run_has_no_ensemble(runs, tmp_path):
    numbers = report([runs[0].path], tmp_path / "page.html")
    page = Tables((tmp_path / "page.html").read_text())
    assert numbers["ensemble"] is None
    assert numbers["clips"] == 10
    assert len(page.rows["runs"]) == 2
    assert page.rows["classes"][0] == ["class", "clips", "one"]


def test_runs_that_cannot_be_compared_are_refused(runs, store, tmp_path):
    page = tmp_path / "page.html"
    apart = make_run(tmp_path / "apart", store, validation=range(14, 18))
    with pytest.raises(DataError, match="no clip was held out from all"):
        report([runs[0].path, apart.path], page)
    other = make_run(tmp_path / "other", store, validation=range(4), vocabulary=[f"x{number}" for number in range(5)])
    with pytest.raises(DataError, match="vocabulary"):
        report([runs[0].path, other.path], page)
    (apart.path / "metrics.json").unlink()
    with pytest.raises(DataError, match="not finished"):
        report([apart.path], page)
    assert not page.exists()


def test_the_command_prints_the_scores(runs, of_two, tmp_path):
    arguments = ["report", *(str(run.path) for run in runs), "--out", str(tmp_path / "p.html")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert f"mean of the runs: LWLRAP {of_two[0]['ensemble']:.4f}" in result.stdout
    assert json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)["clips"] == 8


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_bars_are_as_long_as_the_scores_beside_them(of_two, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((of_two[2] / "page.html").as_uri())
    measured = page.eval_on_selector_all(
        "#classes .bar",
        "bars => bars.map(bar => [Number(bar.parentNode.innerText), bar.getBoundingClientRect().width])",
    )
    scores, widths = np.array(measured).T
    assert len(set(scores)) > 3
    np.testing.assert_allclose(widths / widths.max(), scores / scores.max(), atol=0.02)
