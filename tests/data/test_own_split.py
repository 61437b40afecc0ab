"""The words by which data sets name their own parts."""

import pytest

from fat2019.config.features import SPLITS
from fat2019.data.clip import VALIDATION_FOLD
from fat2019.data.own_split import own_split


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train", "Training", " development "), ("curated", "")),
        (("validation", "VALID", "val", "dev"), ("curated", VALIDATION_FOLD)),
        (("test", "testing", "eval", "Evaluation"), ("test", "")),
    ],
)
def test_words_mean_parts_in_any_case_and_between_blanks(words, expected):
    assert {own_split(word) for word in words} == {expected}


@pytest.mark.parametrize("split", SPLITS)
def test_this_projects_own_words_stay_what_they_are(split):
    assert own_split(split) == (split, "")


@pytest.mark.parametrize("word", ["", "trainer", "tests", "fold1", "unlabelled"])
def test_any_other_word_is_none(word):
    assert own_split(word) is None
