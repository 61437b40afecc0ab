"""A part of a file is read as if it were a file of its own."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fat2019.audio.containers.part import Layout, Part, PartView


@given(
    head=st.binary(max_size=8),
    content=st.binary(max_size=30),
    ends=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    reads=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=6),
)
def test_any_reads_give_what_they_would_of_head_and_stretch_in_a_file_of_their_own(head, content, ends, reads):
    begin, end = sorted(min(one, len(content)) for one in ends)
    view = PartView(io.BytesIO(content), Part(0, begin, end, head))
    alone = io.BytesIO(head + content[begin:end])
    for place, count in reads:
        assert view.seek(place) == alone.seek(place) == view.tell()
        assert view.read(count) == alone.read(count)
    assert view.seek(-3, io.SEEK_END) == max(0, len(head) + end - begin - 3)
    assert view.seek(1, io.SEEK_CUR) == max(0, len(head) + end - begin - 3) + 1


def test_what_the_system_fails_to_read_is_kept_since_decoders_pass_on_no_errors():
    class Failing(io.BytesIO):
        def read(self, count=-1):
            raise OSError(5, "Input/output error")

    view = PartView(Failing(b"sound"), Part(0, 0, 5, b"head"))
    assert view.read(9) == b"head"
    assert view.error is not None and view.error.errno == 5


@pytest.mark.parametrize(
    ("parts", "is_plain"),
    [((Part(0, 0, 9),), True), ((Part(0, 4, 9, b"head"),), False), ((Part(0, 0, 4), Part(4, 4, 9)), False)],
)
def test_only_one_part_under_its_own_header_can_be_given_to_a_decoder_as_it_is(parts, is_plain):
    assert Layout(parts, ()).is_plain is is_plain
