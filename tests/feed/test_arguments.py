"""What feeds are given: clips and labels that do not fit are refused, in one line each."""

import numpy as np
import pytest

from fat2019.errors import DataError
from fat2019.feed.arguments import clip_indices, clip_labels, open_store

CLASSES = 5  # of the store


@pytest.mark.parametrize("clips", [[3, 1, 2], (3, 1, 2), np.array([3, 1, 2], np.uint8)])
def test_indices_are_taken_as_lists_tuples_and_arrays_in_their_order(store, clips):
    indices = clip_indices(store, clips)
    assert (indices.tolist(), indices.dtype) == ([3, 1, 2], np.int64)


@pytest.mark.parametrize("clips", [[], np.zeros(0, np.int64)])
def test_no_clips_are_no_indices(store, clips):
    assert clip_indices(store, clips).shape == (0,)


@pytest.mark.parametrize(
    "clips, said",
    [
        ([0, 40], "clips: expected indices from 0 to 39, received 40"),
        ([-1], "clips: expected indices from 0 to 39, received -1"),
        ([0.0, 1.0], "clips: expected a row of indices, received 1-d float64"),
        ([[0, 1]], "clips: expected a row of indices, received 2-d int64"),
        ([True, False], "clips: expected a row of indices, received 1-d bool; np.flatnonzero makes them of a mask"),
    ],
)
def test_what_is_no_index_of_a_clip_is_refused(store, clips, said):
    with pytest.raises(DataError) as error:
        clip_indices(store, clips)
    assert str(error.value) == said


def test_a_clip_that_comes_twice_is_refused_by_its_name(store):
    with pytest.raises(DataError) as error:
        clip_indices(store, [2, 0, 2])
    assert str(error.value) == f"clips: expected each clip once, received {store.clips['fname'][2]} 2 times"


def test_labels_are_the_stores_own_unless_others_are_given(store):
    clips = np.array([3, 1])
    np.testing.assert_array_equal(clip_labels(store, clips, None), store.labels[clips])
    given = [[0.5, 0, 0, 0, 1], [0, 0, 0.25, 0, 0]]
    labels = clip_labels(store, clips, given)
    np.testing.assert_array_equal(labels, given)
    assert labels.dtype == np.float32


def test_labels_of_the_whole_store_beside_some_clips_are_refused_with_what_to_give(store):
    with pytest.raises(DataError) as error:
        clip_labels(store, np.array([3, 1]), store.labels)
    assert str(error.value) == (
        "labels: expected (2, 5), a row for each of the clips, received (40, 5); these are of the whole store: "
        "give labels[clips]"
    )


@pytest.mark.parametrize("shape", [(1, CLASSES), (3, CLASSES), (2, CLASSES - 1), (2, CLASSES + 1), (2,)])
def test_too_few_or_too_many_rows_or_columns_are_refused(store, shape):
    with pytest.raises(DataError, match=r"labels: expected \(2, 5\), a row for each of the clips, received \(.*\)$"):
        clip_labels(store, np.array([3, 1]), np.zeros(shape))


@pytest.mark.parametrize("value", [7.0, -0.5, np.nan, np.inf])
def test_labels_out_of_range_are_refused_with_their_place(store, value):
    labels = np.zeros((2, CLASSES))
    labels[1, 3] = value
    with pytest.raises(DataError) as error:
        clip_labels(store, np.array([3, 1]), labels)
    assert str(error.value) == f"labels: expected numbers from 0 to 1, received {value} in row 1, column 3"


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_store_is_opened_from_its_folder_or_taken_as_it_is(store, kind):
    assert open_store(kind(store.path)).path == store.path
    assert open_store(store) is store
