"""The feed's order: the same wherever it starts and by however many threads, shared out among workers without loss."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from fat2019.augmentations.frequency_shift import FrequencyShift
from fat2019.augmentations.mix_sounds import MixSounds
from fat2019.augmentations.mixup import MixUp
from fat2019.errors import DataError
from tests.feeds import POLICY, READERS, as_set, batches, feed_of

RUN = {
    "augmentations": (FrequencyShift(3, 0.2), MixSounds(0.5), POLICY, MixUp(0.3)),
    "noisy_weight": 0.6,
}


def assert_same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        for part_a, part_b in zip(a, b, strict=True):
            np.testing.assert_array_equal(part_a, part_b)


@pytest.fixture(scope="module")
def run_of(store):
    """``run_of(reader)``: all batches of three epochs, made by one thread."""

    @functools.cache
    def run(reader):
        tf.random.set_seed(0)
        return batches(feed_of(store, reader, **RUN).dataset(epochs=3).with_options(threads(1)))

    return run


def threads(count):
    options = tf.data.Options()
    options.threading.private_threadpool_size = count
    return options


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("place", [(0, 2), (1, 3)])
def test_a_feed_started_at_a_step_gives_what_an_uninterrupted_one_gives_there(store, run_of, reader, place):
    epoch, step = place
    some = feed_of(store, reader, **RUN)
    assert len(run_of(reader)) == 3 * some.steps_per_epoch
    assert_same(batches(some.dataset(epoch, step, epochs=3)), run_of(reader)[epoch * some.steps_per_epoch + step :])


@pytest.mark.parametrize("reader", READERS)
def test_batches_are_the_same_whatever_the_threads_and_the_global_seed(store, run_of, reader):
    expected = run_of(reader)
    tf.random.set_seed(1)
    assert_same(batches(feed_of(store, reader, **RUN).dataset(epochs=3).with_options(threads(16))), expected)


@pytest.mark.parametrize("reader", READERS)
def test_other_epochs_and_other_seeds_give_other_examples(store, run_of, reader):
    steps = len(run_of(reader)) // 3
    first, second = (as_set(run_of(reader)[epoch * steps :][:steps]) for epoch in (0, 1))
    other_seed = as_set(batches(feed_of(store, reader, **RUN, seed=5).dataset(epochs=1)))
    assert len(first) == len(second) == len(other_seed)
    assert not set(first) & set(second)
    assert not set(first) & set(other_seed)


def test_without_an_end_epoch_the_feed_goes_on(store):
    some = feed_of(store)
    assert len(batches(some.dataset(), 4 * some.steps_per_epoch)) == 4 * some.steps_per_epoch


@pytest.mark.parametrize("reader, workers", [("memory", 3), ("stream", 2)])
def test_the_shards_of_all_workers_are_disjoint_and_complete(store, reader, workers):
    some = feed_of(store, reader, noisy_weight=0.5)
    whole = as_set(batches(some.dataset(epochs=1)))
    parts = [as_set(batches(some.dataset(epochs=1, shard=(i, workers)))) for i in range(workers)]
    assert sorted(itertools.chain(*parts)) == whole
    assert len(set(whole)) == len(whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_does_not_exist_is_refused(store, shard):
    with pytest.raises(DataError, match="shard"):
        feed_of(store).dataset(shard=shard)
