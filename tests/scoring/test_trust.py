import numpy as np
import pytest

from fat2019.scoring.trust import caution, held_out_counts


def test_what_stands_behind_a_score_is_counted():
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0]], np.uint8)
    assert held_out_counts(labels, np.array([4, 4, 7]), np.ones((2, 3), np.uint8)) == {
        "groups": 2,
        "clips_of_rarest_class": 1,
        "classes_not_held_out": 1,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clips": 6, "groups": 6}, "only 6 clips held out"),
        ({"groups": 20}, "from 20 groups"),
        ({"clips_of_rarest_class": 2}, "2 clips of the rarest class"),
        ({"classes_not_held_out": 3}, "3 classes with none"),
        ({"classes_not_held_out": 1}, "1 class with none"),
    ],
)
def test_a_score_on_little_carries_a_caution(change, words):
    enough = {"clips": 500, "groups": 400, "clips_of_rarest_class": 9, "classes_not_held_out": 0}
    assert caution(enough) is None
    line = caution({**enough, **change})
    assert line is not None and words in line


def test_the_folds_that_are_recommended_are_the_data_sets_own_where_it_has_some():
    few = {"clips": 6, "groups": 6, "clips_of_rarest_class": 9, "classes_not_held_out": 0}
    assert caution(few).endswith("; --folds 5 scores every clip once")
    assert caution(few, ["validation"]).endswith("; --folds 5 scores every clip once")
    assert caution(few, ["1", "2"]).endswith("; --own-folds scores every clip once")


def test_a_run_of_an_older_version_carries_none():
    assert caution({"clips": 6}) is None
