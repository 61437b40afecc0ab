"""Sums of squares are exact, whatever the width of the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from fat2019.audio.energy import energy_of_rows


@given(of_numpy.arrays(np.int16, of_numpy.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.booleans())
def test_the_energy_of_a_row_is_the_sum_of_its_squares_as_whole_numbers(rows, backwards):
    rows = rows[:, ::-1] if backwards else rows
    expected = [sum(int(sample) ** 2 for sample in row) for row in rows]
    assert energy_of_rows(rows).dtype == np.int64
    assert energy_of_rows(rows).tolist() == expected


@pytest.mark.parametrize("width", [1, 3, (1 << 16) + 1, 1 << 21])
def test_full_scale_is_exact_in_rows_of_any_width_and_in_many_blocks(width):
    rows = np.full((max(2, (1 << 18) // width), width), -32_768, np.int16)
    assert set(energy_of_rows(rows).tolist()) == {width << 30}
