import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.data.vocabulary import Vocabulary, parse_labels
from fat2019.errors import DataError

NAMES = ("Accordion", "Bark", "Bathtub_(filling_or_washing)", "Tick-tock")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "is empty"),
        (("Bark", "Bus", "Bark"), "'Bark' more than once"),
        (("Bark", ""), "not empty"),
        (("Bark", " Bus"), "blanks"),
        (("Bark,Bus",), "commas"),
    ],
)
def test_a_vocabulary_that_could_not_be_used_is_refused(names, message):
    with pytest.raises(DataError, match=message):
        Vocabulary(names)


def test_a_vocabulary_keeps_the_order_it_was_given():
    assert Vocabulary(("Bus", "Bark")).encode(["Bus"]).tolist() == [1, 0]


def test_a_vocabulary_is_frozen_hashable_and_survives_pickling_after_use():
    vocabulary = Vocabulary(NAMES)
    vocabulary.encode(["Bark"])
    assert pickle.loads(pickle.dumps(vocabulary)) == vocabulary
    assert hash(vocabulary) == hash(Vocabulary(NAMES))
    with pytest.raises(dataclasses.FrozenInstanceError):
        vocabulary.names = ()


def test_labels_become_a_uint8_multi_hot_vector():
    vector = Vocabulary(NAMES).encode(["Tick-tock", "Bark"])
    assert vector.dtype == np.uint8
    assert vector.tolist() == [0, 1, 0, 1]


def test_an_unknown_label_is_named_with_the_closest_class():
    with pytest.raises(DataError, match=r"'Bathtub'.*4 classes"):
        Vocabulary(NAMES).encode(["Bathtub"])
    with pytest.raises(DataError, match=r"'bark'.*did you mean 'Bark'"):
        Vocabulary(NAMES).encode(["Accordion", "bark"])


def test_an_unknown_label_like_no_class_gets_no_hint():
    with pytest.raises(DataError) as error:
        Vocabulary(NAMES).encode(["xyz"])
    assert "did you mean" not in str(error.value)


@given(st.sets(st.sampled_from(NAMES)))
def test_decoding_gives_back_the_encoded_labels(labels):
    vocabulary = Vocabulary(NAMES)
    assert vocabulary.decode(vocabulary.encode(labels)) == tuple(sorted(labels))


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"Expected .*\(4,\).*Received .*\(5,\)"):
        Vocabulary(NAMES).decode(np.zeros(5))


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("Bark", ("Bark",)),
        ("Bus,Bark", ("Bark", "Bus")),
        (" Bus , Bark,Bus ,", ("Bark", "Bus")),
        ("", ()),
        ("  ", ()),
    ],
)
def test_a_label_cell_gives_its_labels_once_sorted_and_stripped(cell, labels):
    assert parse_labels(cell) == labels
