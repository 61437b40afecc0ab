"""The CSV file of judged noisy labels: what it says of a clip, and what training makes of it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from fat2019.data.vocabulary import Vocabulary
from fat2019.errors import DataError
from fat2019.store.reader import FeatureStore
from fat2019.training.cleaning import judged, read_judged, require_own_columns


@pytest.fixture
def noisy(store):
    return np.flatnonzero(store.clips["split"] == "noisy")


@pytest.fixture
def written(store, noisy, tmp_path):
    """``written(scores)``: the file for these scores."""

    def write(scores, **changes):
        table = judged(store, noisy, np.asarray(scores)).assign(**changes)
        table.to_csv(tmp_path / "judged.csv", index=False)
        return tmp_path / "judged.csv"

    return write


def test_a_clip_is_kept_softened_or_dropped_by_the_rank_of_its_labels_and_the_networks_certainty(store, noisy):
    labels = store.labels[noisy].astype(float)
    leading, trailing = labels * 0.4 + 0.01, (1 - labels) * 0.4 + 0.01
    sure = (1 - labels) * 0.9 + 0.01
    for scores, use, agreement in ((leading, "keep", 1.0), (trailing, "drop", None), (sure, "soft", None)):
        table = judged(store, noisy, scores)
        single = np.array([len(names.split(",")) == 1 for names in table["labels"]])
        assert set(table["use"][single]) == {use}
        expected = 1.0 if agreement else 1 / len(store.vocabulary)
        np.testing.assert_allclose(table["agreement"][single], expected)
    assert list(table["fname"]) == sorted(store.clips["fname"][noisy])


def test_a_label_that_is_second_agrees_by_one_half_and_is_kept(store, noisy):
    labels = store.labels[noisy]
    single = noisy[labels.sum(axis=1) == 1][:1]
    own = store.labels[single[0]].argmax()
    scores = np.full((1, len(store.vocabulary)), 0.1)
    scores[0, own], scores[0, own - 1] = 0.6, 0.8
    [row] = judged(store, single, scores).to_dict("records")
    assert (row["agreement"], row["use"]) == (0.5, "keep")
    assert row["best"] == store.vocabulary.names[own - 1] and row["labels"] == store.vocabulary.names[own]


def test_training_drops_keeps_and_softens_as_the_file_says(store, noisy, written):
    scores = np.random.default_rng(0).uniform(0, 1, (len(noisy), len(store.vocabulary)))
    by_name = np.argsort(store.clips["fname"].to_numpy()[noisy])
    uses = np.resize(["keep", "soft", "drop"], len(noisy))
    labels, left_out = read_judged(written(scores, use=uses), store)
    expected = store.labels.astype(np.float64)
    soft = by_name[uses == "soft"]
    expected[noisy[soft]] = (expected[noisy[soft]] + scores[soft]) / 2
    np.testing.assert_allclose(labels, expected, atol=1e-6)
    np.testing.assert_array_equal(np.flatnonzero(left_out), np.sort(noisy[by_name[uses == "drop"]]))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda table: table.drop(columns="Bell"), "no column Bell"),
        (lambda table: table.assign(use="perhaps"), "use: expected one of keep, soft, drop, received 'perhaps'"),
        (lambda table: table.assign(fname=[f"curated{n:02d}.wav" for n in range(len(table))]), "are not noisy clips"),
        (lambda table: table.assign(fname=table["fname"].iloc[0]), "is there twice; leave one row of it"),
        (lambda table: table.assign(Bell=1.5), "a score is not a number from 0 to 1"),
        (lambda table: table.assign(Bell=np.nan), "a score is not a number from 0 to 1"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(store, noisy, written, change, message):
    path = written(np.full((len(noisy), len(store.vocabulary)), 0.5))
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(DataError, match=message):
        read_judged(path, store)


def test_a_file_that_is_not_there_is_named(store, tmp_path):
    with pytest.raises(DataError, match=r"missing\.csv"):
        read_judged(tmp_path / "missing.csv", store)


def test_a_class_with_the_name_of_a_column_is_refused(store):
    header = dataclasses.replace(store.manifest.header, vocabulary=Vocabulary(("best", *store.vocabulary.names[1:])))
    manifest = dataclasses.replace(store.manifest, header=header)
    with pytest.raises(DataError, match="class 'best' has the name of a column"):
        require_own_columns(FeatureStore(store.path, manifest))
    require_own_columns(store)
