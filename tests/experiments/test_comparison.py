"""Trials on the same clips, in one table."""

import json

import pytest

from fat2019.errors import DataError
from fat2019.experiments import comparison as module
from fat2019.experiments.comparison import compare
from tests.run_folders import make_run


@pytest.fixture
def trained(monkeypatch):
    """In place of training, make runs that score by row and seed; what was asked for is kept here."""
    asked = []

    def pretend(store, config, path, report=None):
        if (path / "metrics.json").is_file():
            return module.Run.open(path)
        asked.append(path.name)
        run = make_run(path, store, seed=config.seed, config=config, validation=(0, 1))
        better = 0.5 + 0.01 * config.seed + (0.2 if path.name.startswith("best") else 0)
        metrics = {**run.metrics, "validation": {"lwlrap": better}, "cpu_seconds": 90.0 * (1 + config.seed)}
        (path / "metrics.json").write_text(json.dumps(metrics))
        return run

    monkeypatch.setattr(module, "train", pretend)
    return asked


def test_all_rows_of_a_seed_are_trained_before_the_next_seed_and_finished_ones_never_again(store, tmp_path, trained):
    only = ["best", "with MixUp"]
    compare("ablation", store, tmp_path, seeds=2, only=only)
    assert trained == ["best-seed-0", "with-mixup-seed-0", "best-seed-1", "with-mixup-seed-1"]
    compare("ablation", store, tmp_path, seeds=3, only=only)
    assert trained[4:] == ["best-seed-2", "with-mixup-seed-2"]


def test_the_table_has_means_deviations_and_the_difference_to_the_recipe_by_seed(store, tmp_path, trained):
    result = compare("ablation", store, tmp_path, seeds=3, only=["best", "with MixUp"])
    best, piece = result["rows"]
    assert best["mean"]["validation"] == pytest.approx(0.71) and "against_best" not in best
    assert piece["mean"]["validation"] == pytest.approx(0.51)
    assert piece["deviation"]["validation"] == pytest.approx(0.01)
    assert piece["mean"]["cpu_minutes"] == pytest.approx(3)
    assert piece["against_best"] == {"validation": {"mean": pytest.approx(-0.2), "deviation": pytest.approx(0)}}
    assert "| with MixUp | 0.5100 ± 0.0100 | -0.2000 ± 0.0000 | 3.00 ± 1.50 | 0.20 ± 0.00 |" in result["markdown"]
    assert (tmp_path / "table.md").read_text() == result["markdown"]
    assert json.loads((tmp_path / "table.json").read_text())["rows"] == result["rows"]


def write_truth(path, store, shift=0):
    names = store.vocabulary.names
    path.write_text("fname,labels\n" + "".join(f"test{n:02d}.wav,{names[(n + shift) % 5]}\n" for n in range(8)))
    return path


def test_test_clips_are_scored_where_their_labels_are_known(store, tmp_path, trained):
    truth = write_truth(tmp_path / "truth.csv", store)
    result = compare("ablation", store, tmp_path / "out", seeds=1, only=["best"], truth=truth)
    fnames, scores, _ = module.predict_test([tmp_path / "out" / "runs" / "best-seed-0"], features=store.path)
    assert result["rows"][0]["mean"]["test"] == module.lwlrap_on_test(store, fnames, scores, truth)
    assert "LWLRAP test" in result["markdown"]


def test_of_other_test_clips_the_table_has_the_mean_and_the_difference_to_the_recipe(store, tmp_path, trained):
    truths = [write_truth(tmp_path / f"truth{n}.csv", store, n) for n in range(3)]
    others = [(store, truth) for truth in truths[1:]]
    result = compare(
        "ablation", store, tmp_path / "out", seeds=1, only=["best", "with MixUp"], truth=truths[0], others=others
    )
    fnames, scores, _ = module.predict_test([tmp_path / "out" / "runs" / "with-mixup-seed-0"], features=store.path)
    first, *rest = (module.lwlrap_on_test(store, fnames, scores, truth) for truth in truths)
    best, piece = result["rows"]
    assert piece["mean"]["test"] == first and piece["mean"]["others"] == pytest.approx(sum(rest) / 2)
    assert len({first, *rest}) == 3
    for name in ("test", "others"):
        assert piece["against_best"][name]["mean"] == pytest.approx(piece["mean"][name] - best["mean"][name])
    heads = result["markdown"].splitlines()[0]
    assert "| LWLRAP test | against best | LWLRAP other sets | against best | CPU minutes |" in heads


def test_other_test_clips_without_labels_or_with_other_features_are_refused_before_a_run(
    store, open_store, tmp_path, trained
):
    unlike = open_store("float32")
    for theirs, message in ((store, "labels of its test clips are not known"), (unlike, "features computed otherwise")):
        with pytest.raises(DataError, match=message):
            compare("ablation", store, tmp_path / "out", others=[(theirs, None)])
    assert not trained and not (tmp_path / "out").exists()


def test_the_cost_curve_is_a_table_and_a_figure(store, tmp_path, trained):
    result = compare("cost", store, tmp_path, seeds=1, scale=0.25)
    assert len(result["rows"]) == 12 and (tmp_path / "cost.png").is_file() and (tmp_path / "cost.svg").is_file()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("table", {}, "expected one of ablation, cost"),
        ("ablation", {"seeds": 0}, "seeds"),
        ("ablation", {"scale": 0}, "scale"),
        ("ablation", {"scale": float("inf")}, "scale"),
        ("ablation", {"only": ["without sound"]}, "there is no 'without sound'"),
    ],
)
def test_what_cannot_be_compared_is_refused(store, tmp_path, name, options, message):
    with pytest.raises(DataError, match=message):
        compare(name, store, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
