"""Types of options: near names, some of a few, columns."""

import click
import pytest

from fat2019.cli.options import NearChoice, Some, some_columns

FRUIT = NearChoice(["apple", "apricot", "banana"], "fruits", "fruit")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("aple", "'aple' is not one of the fruits; did you mean apple?"),
        ("xyz", "'xyz' is not one of the fruits; `fat2019 fruit` lists them"),
    ],
)
def test_another_value_is_answered_with_the_near_ones_or_with_where_all_are_listed(value, said):
    with pytest.raises(click.BadParameter) as caught:
        FRUIT.convert(value, None, None)
    assert caught.value.message == said


def test_few_choices_that_no_command_lists_are_listed_at_once():
    with pytest.raises(click.BadParameter, match="'xyz' is not one of mean, sum"):
        NearChoice(["mean", "sum"], "means").convert("xyz", None, None)


@pytest.mark.parametrize("given", ["curated,noisy", " noisy , curated,", "noisy,curated,noisy"])
def test_some_names_are_in_their_usual_order_however_they_are_given(given):
    assert Some(("curated", "noisy"), "SPLITS").convert(given, None, None) == ("curated", "noisy")


@pytest.mark.parametrize("given", ["", ",", "test", "curated,test"])
def test_other_names_and_none_are_refused(given):
    with pytest.raises(click.BadParameter, match="expected some of curated, noisy, received"):
        Some(("curated", "noisy"), "SPLITS").convert(given, None, None)


def test_columns_are_pairs_and_anything_else_is_refused():
    assert some_columns(None, None, None) is None
    assert some_columns(None, None, "name=file, labels = the tags ") == {"name": "file", "labels": "the tags"}
    for wrong in ("name", "name=", "=file", "name=file,", ""):
        with pytest.raises(click.BadParameter, match="expected name=COLUMN,labels=COLUMN"):
            some_columns(None, None, wrong)
