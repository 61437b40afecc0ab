import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.data.labels import LabelReader
from fat2019.errors import DataError


def read(*cells, classes=()):
    reader = LabelReader(frozenset(classes))
    return [reader.read(f"line {line}", cell) for line, cell in enumerate(cells, start=2)], reader.notes()


def refusal(*cells, classes=()):
    with pytest.raises(DataError) as caught:
        read(*cells, classes=classes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_plain_labels_joined_by_commas_pass_unchanged_and_unsaid():
    assert read("Dog", "Cat, Dog,Dog ", "Hi-hat", "Child_speech") == (
        [("Dog",), ("Cat", "Dog"), ("Hi-hat",), ("Child_speech",)],
        (),
    )


@pytest.mark.parametrize("cell", ["Dog;Cat", "Dog|Cat", "Dog ; Cat", "['Dog', 'Cat']", '["Dog","Cat"]', "[Dog, Cat]"])
def test_other_ways_of_joining_labels_are_read_and_said(cell):
    labels, notes = read(cell)
    assert labels == [("Cat", "Dog")] and len(notes) == 1 and notes[0].startswith("1 labels were")


@pytest.mark.parametrize(
    "cell", ["Caf\u0065\u0301", "Caf\xe9\u200b", "\ufeffCaf\xe9", "Caf\u00ad\xe9", "\u00a0Caf\xe9\u2009"]
)
def test_unicode_forms_and_invisible_characters_make_no_second_class(cell):
    labels, notes = read("Caf\xe9", cell)
    assert labels == [("Caf\xe9",)] * 2 and len(notes) == 1


def test_several_blanks_are_one():
    assert read("Dog  bark", "Dog bark")[0] == [("Dog bark",)] * 2


@pytest.mark.parametrize("other", ["dog bark", "Dogbark", "Dog_bark", "Dog-Bark", "ＤOG BARK"])
def test_labels_that_look_alike_are_refused_with_both_places(other):
    message = refusal("Dog bark", "Cat", other)
    assert message.startswith(f"line 4: the label {other!r} looks like 'Dog bark' (line 2)")


@pytest.mark.parametrize("cell", ["nan", "NaN", "<NA>", "null", "Dog,nan"])
def test_what_programs_write_for_an_empty_cell_is_no_label(cell):
    assert "line 2: the label" in refusal(cell) and "empty cell" in refusal(cell)


@pytest.mark.parametrize("cell", ["Dog\nCat", "Dog\x07", "Dog\u2028Cat"])
def test_line_breaks_and_control_characters_are_refused(cell):
    assert "control character" in refusal(cell)


def test_a_label_of_a_folder_whose_name_is_no_utf_8_is_told_so():
    assert "is not UTF-8" in refusal("caf\udce9")


@pytest.mark.parametrize("cell", ["[1, 2]", "[['Dog'], 'Cat']"])
def test_a_list_of_other_things_than_labels_is_refused(cell):
    assert "expected labels joined by commas" in refusal(cell)


def test_a_vocabulary_of_the_data_set_overrules_the_rules():
    assert read("Dog;Cat", "null", "a", "A", classes=("Dog;Cat", "null", "a", "A")) == (
        [("Dog;Cat",), ("null",), ("a",), ("A",)],
        (),
    )


def test_the_name_of_a_folder_is_one_label():
    reader = LabelReader()
    assert reader.name("bark; loud", "bark; loud") == "bark; loud"
    with pytest.raises(DataError, match="must not hold a comma"):
        reader.name("x", "bark, loud")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters=",;|[]"), max_size=12))
def test_reading_what_was_read_changes_nothing(text):
    try:
        (labels,), _ = read(text)
    except DataError:
        return
    assert read(",".join(labels)) == ([labels], ())
    assert all(label == unicodedata.normalize("NFC", label) for label in labels)
