import abc
import dataclasses
import json
import math
import re
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from fat2019.errors import DataError
from fat2019.utils.values import Checked, choices, meta, require


@dataclasses.dataclass(frozen=True)
class Recipe(Checked):
    epochs: Annotated[int, Meta(ge=1, description="Epochs.")] = 5
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    kind: Literal["soft", "hard"] = "soft"
    parts: Annotated[tuple[Literal["a", "b"], ...], Meta(min_length=1)] = ("a",)
    plain: bool = False


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number >= 1, received 0"),
        ({"epochs": 2.0}, "epochs: expected a whole number, received 2.0"),
        ({"epochs": True}, "epochs: expected a whole number, received True"),
        ({"share": 0}, "share: expected a number > 0.0, received 0"),
        ({"share": math.nan}, "share: expected a finite number, received nan"),
        ({"share": math.inf}, "share: expected a finite number, received inf"),
        ({"share": "1"}, "share: expected a number, received '1'"),
        ({"kind": "firm"}, "kind: expected one of soft, hard, received 'firm'"),
        ({"parts": ("a", "c")}, "parts: expected some of a, b, received a, c"),
        ({"parts": ()}, "parts: expected a list of length >= 1, received none"),
        ({"plain": 1}, "plain: expected true or false, received 1"),
    ],
)
def test_a_field_that_does_not_fit_its_annotation_is_refused_with_what_was_expected(fields, message):
    with pytest.raises(DataError) as caught:
        Recipe(**fields)
    assert str(caught.value) == message


def test_what_fits_is_taken_as_it_is():
    assert Recipe(3, 1, "hard", ("b", "a"), True).share == 1


def test_choices_and_ranges_are_read_off_the_field():
    assert choices(Recipe, "kind") == ("soft", "hard")
    assert choices(Recipe, "parts") == ("a", "b")
    assert choices(Recipe, "epochs") == ()
    assert (meta(Recipe, "epochs").ge, meta(Recipe, "epochs").description) == (1, "Epochs.")
    assert meta(Recipe, "plain").description is None


def test_a_single_value_is_held_against_an_annotation():
    require("seed", 3, Annotated[int, Meta(ge=0)])
    with pytest.raises(DataError, match="seed: expected a whole number >= 0, received -1"):
        require("seed", -1, Annotated[int, Meta(ge=0)])


@dataclasses.dataclass(frozen=True)
class Inner(Checked):
    size: Annotated[int, Meta(ge=1)] = 1


@dataclasses.dataclass(frozen=True)
class Outer(Checked):
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    words: tuple[str, ...] = ()


def test_values_are_the_same_after_json():
    value = Outer(Inner(2), (Inner(3), Inner(4)), ("a", "b"))
    plain = json.loads(json.dumps(value.to_plain()))
    assert plain == {"inner": {"size": 2}, "several": [{"size": 3}, {"size": 4}], "words": ["a", "b"]}
    assert Outer.from_plain(plain) == value
    assert Outer.from_plain({}) == Outer()


@pytest.mark.parametrize(
    "plain, said",
    [
        ({"outer": 1}, "Outer: expected some of inner, several, words, received outer"),
        ({"inner": {"size": 0}}, "size: expected a whole number >= 1, received 0"),
        ({"inner": 3}, "inner: expected fields with their values, received 3"),
        ({"several": [3]}, "several: expected fields with their values, received 3"),
        ({"several": 3}, "several: expected a list, received 3"),
    ],
)
def test_fields_that_do_not_fit_are_refused_by_name(plain, said):
    with pytest.raises(DataError, match=f"^{re.escape(said)}$"):
        Outer.from_plain(plain)


class Kind(Checked, abc.ABC):
    @abc.abstractmethod
    def act(self):
        """Differs by kind."""


@dataclasses.dataclass(frozen=True)
class One(Kind):
    size: int = 1

    def act(self):
        return self.size


@dataclasses.dataclass(frozen=True)
class Some(Checked):
    kinds: tuple[Kind, ...] = ()


def test_a_tuple_of_an_abstract_class_takes_values_of_its_subclasses_alone():
    assert Some((One(2),)).kinds[0].act() == 2
    for wrong in ((Inner(),), [One()], One()):
        with pytest.raises(DataError, match="kinds: expected a tuple of values of type Kind"):
            Some(wrong)
