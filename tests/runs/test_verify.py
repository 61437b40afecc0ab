"""What is wrong with a run, all of it."""

import random

import pytest

from fat2019.errors import DataError
from fat2019.runs.run import Run
from fat2019.runs.verify import verify_run
from tests.runs.spoilt import SMALL


@pytest.mark.parametrize("file", SMALL)
def test_whatever_byte_is_flipped_in_a_small_file_is_found_or_changes_nothing(run, file):
    chance, content = random.Random(file), (run.path / file).read_bytes()
    before = state(run)
    for _ in range(60):
        place, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        flipped = bytearray(content)
        flipped[place] ^= bit
        (run.path / file).write_bytes(flipped)
        try:
            assert state(Run.open(run.path)) == before
        except DataError as error:
            assert "\n" not in str(error)


def state(run):
    return run.vocabulary, run.features, run.metrics, run.history().to_dict("list"), run.held_out()


def test_a_sound_run_has_nothing_wrong(run):
    assert verify_run(run.path, deep=True) == []
