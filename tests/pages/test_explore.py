import json
import re
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fat2019.audio.clip import arrays_of
from fat2019.cli import main
from fat2019.data.split import split_indices
from fat2019.errors import DataError
from fat2019.pages.explore import _Cut, explore
from tests.conftest import RATE_HZ


def test_the_page_counts_the_clips_and_seconds_of_each_part(store, tiny_data, of_store):
    numbers, page, _ = of_store
    rows = {row[0]: row for row in page.rows["splits"][1:]}
    assert set(rows) == {"curated", "noisy", "test"}
    for split, part in numbers["splits"].items():
        clips = store.clips[store.clips["split"] == split]
        seconds = [
            soundfile.info(path).duration
            for path in (tiny_data / ("test" if split == "test" else f"train_{split}")).iterdir()
        ]
        assert part["clips"] == len(seconds) == len(clips)
        assert part["hours"] == pytest.approx(sum(seconds) / 3600)
        assert (part["shortest_s"], part["longest_s"]) == pytest.approx((min(seconds), max(seconds)))
        saved = sum(seconds) - clips["samples"].sum() / RATE_HZ
        assert part["silence_s"] == pytest.approx(saved)
        assert part["silence_share"] == pytest.approx(saved / sum(seconds))
        assert rows[split][1] == str(len(seconds))
        assert rows[split][5] == f"{max(seconds):.2f} s"
        assert rows[split][7] == f"{saved:,.1f} s"
        assert rows[split][9] == "all clips"
    assert rows["test"][6] == "unknown"  # its labels are


def test_the_classes_have_the_counts_of_the_labels_and_of_both_splits(store, of_store):
    _, page, _ = of_store
    head, *rows = page.rows["classes"]
    assert head == ["class", "curated", "noisy", "in validation, iterative", "in validation, plain"]
    splits = store.clips["split"].to_numpy()
    curated = store.labels[splits == "curated"]
    held_out = {method: curated[split_indices(curated, method=method, seed=0)[1]] for method in ("iterative", "plain")}
    for column, (name, row) in enumerate(zip(store.vocabulary.names, rows, strict=True)):
        assert row[0] == name
        assert int(row[1]) == curated[:, column].sum()
        assert int(row[2]) == store.labels[splits == "noisy", column].sum()
        for method, cell in zip(("iterative", "plain"), row[3:], strict=True):
            count = held_out[method][:, column].sum()
            assert cell == f"{count} ({100 * count / curated[:, column].sum():.1f} %)"


def test_the_pairs_are_the_clips_with_both_labels(store, of_store):
    numbers, page, _ = of_store
    for first, second, count in numbers["pairs"]:
        assert count == sum({first, second} <= set(labels) for labels in store.clips["labels"])
    assert [row[2] for row in page.rows["pairs"][1:]] == [str(pair[2]) for pair in numbers["pairs"]]
    assert sum(pair[2] for pair in numbers["pairs"]) == sum(len(labels) == 2 for labels in store.clips["labels"])


def test_each_example_has_a_player_and_two_pictures_and_the_page_needs_no_network(of_store):
    _, page, folder = of_store
    assert page.count["example"] == page.count["audio"] == 2  # one of each part with labels
    assert page.count["img"] == len(list((folder / "figures").glob("*.svg"))) == 3 + 1 + 1 + 3 + 2 * 2
    assert page.links
    assert all(link.startswith("data:") for link in page.links)
    assert "http" not in re.sub(r"data:[^\"]+", "", (folder / "page.html").read_text())


def test_of_clips_too_few_to_be_parted_the_page_has_no_balance(tiny_data, tmp_path):
    data = tmp_path / "data"
    (data / "train_curated").mkdir(parents=True)
    names = ["curated00.wav", "curated01.wav"]
    for name in names:
        shutil.copy(tiny_data / "train_curated" / name, data / "train_curated")
    (data / "train_curated.csv").write_text(f"fname,labels\n{names[0]},A\n{names[1]},B\n")
    numbers = explore(data, tmp_path / "page.html", examples=0)
    assert numbers["clips"] == 2 and numbers["validation_share_least_and_greatest"] == {}
    html = (tmp_path / "page.html").read_text()
    assert "in validation" not in html and "Validation holds out" not in html


def test_a_share_out_of_range_is_refused_though_a_page_may_do_without_the_balance(store, tmp_path):
    with pytest.raises(DataError, match="validation share"):
        explore(store.path, tmp_path / "page.html", validation_share=5)
    assert not (tmp_path / "page.html").exists()


def test_the_window_that_is_cut_is_the_candidate_of_most_energy(store):
    audio = [store.audio(fname) for fname in store.clips["fname"][4:9]]
    features = [arrays_of(samples, store.config) for samples in audio]
    cut = _Cut.of(features, store.config, np.random.default_rng(3))
    for samples, starts, (log_mel, _, _), image in zip(audio, cut.starts, features, cut.raw, strict=True):
        repeated = np.resize(samples, max(len(samples), 48_000)).astype(np.int64)
        energy = [(repeated[start * 512 : start * 512 + 93 * 512] ** 2).sum() for start in starts]
        assert energy[0] == max(energy)
        window = log_mel[starts[0] : starts[0] + 92].astype(float)
        np.testing.assert_allclose(image, (window - window.min()) / (window.max() - window.min()) * 255, atol=1e-3)
    np.testing.assert_allclose(cut.mixed[1], 0.6 * cut.raw[1] + 0.4 * cut.raw[0], atol=1e-3)
    hidden = cut.augmented != cut.raw
    assert (cut.augmented[hidden] == 0).all()


def test_the_command_prints_the_page_and_the_json(store, tmp_path):
    result = CliRunner().invoke(
        main, ["explore", str(store.path), "--out", str(tmp_path / "p.html"), "--examples", "0", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["clips"] == len(store.clips)
    assert (tmp_path / "p.html").stat().st_size > 10_000
