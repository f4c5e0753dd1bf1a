"""Which pictures stand in which batch: nobody is forgotten, and it is the same at every call."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.sampling import Balanced, Mixed, Shuffled, make_sampler

_counts = st.integers(2, 60)
_batches = st.integers(2, 20)
_seeds = st.integers(0, 2**31)
_epochs = st.integers(0, 50)
_labels = st.lists(st.integers(0, 6), min_size=2, max_size=60).filter(lambda labels: len(set(labels)) > 1)


def _lists(batches) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


@settings(deadline=None)
@given(_counts, _batches, _seeds, _epochs)
def test_shuffled_shows_every_picture_once_an_epoch_but_for_what_fills_no_batch(count, batch, seed, epoch):
    batches = Shuffled(count, batch, seed).batches(epoch)
    shown = np.concatenate(batches)
    assert len(set(shown.tolist())) == len(shown)
    assert set(shown.tolist()) <= set(range(count))
    assert {len(one) for one in batches} == {min(batch, count)}
    assert count - len(shown) < min(batch, count)


def test_what_shuffled_left_out_of_one_epoch_comes_in_another():
    shown = {
        number for epoch in range(10) for batch in Shuffled(11, 4, 0).batches(epoch) for number in batch.tolist()
    }
    assert shown == set(range(11))


@settings(deadline=None)
@given(_labels, _batches, st.integers(1, 5), _seeds, _epochs)
def test_balanced_shows_each_chosen_class_so_many_times(labels, batch, each, seed, epoch):
    sampler = Balanced(labels, batch, each, seed)
    for numbers in sampler.batches(epoch):
        blocks = numbers.reshape(-1, each)
        assert len(blocks) == max(2, min(batch // each, len(set(labels))))
        for block in blocks:
            members = {number for number, label in enumerate(labels) if label == labels[block[0]]}
            shown = Counter(block.tolist())
            assert shown.keys() <= members
            assert max(shown.values()) - min(shown.values() if len(shown) == len(members) else [0]) <= 1


@settings(deadline=None)
@given(_labels, _batches, st.integers(1, 5), _seeds, _epochs)
def test_balanced_shows_classes_equally_often_and_as_many_pictures_as_there_are(labels, batch, each, seed, epoch):
    batches = Balanced(labels, batch, each, seed).batches(epoch)
    times = Counter(labels[block[0]] for numbers in batches for block in numbers.reshape(-1, each))
    assert max(times.values()) - min(times.get(label, 0) for label in set(labels)) <= 1
    size = len(batches[0])
    assert abs(len(batches) * size - len(labels)) <= max(size / 2, size - len(labels))


@settings(deadline=None)
@given(_labels, _batches, st.integers(1, 5), _seeds, _epochs)
def test_balanced_never_shows_a_class_twice_in_one_batch(labels, batch, each, seed, epoch):
    """Its pictures would stand there more than once, and fewer other animals beside them."""
    for numbers in Balanced(labels, batch, each, seed).batches(epoch):
        shown = [labels[block[0]] for block in numbers.reshape(-1, each)]
        assert len(set(shown)) == len(shown)


@settings(deadline=None)
@given(_counts, _counts, _batches, st.integers(1, 10), _seeds)
def test_mixed_sets_a_batch_of_the_other_beside_each_of_the_main_ones(count, others, batch, beside, seed):
    main, other = Shuffled(count, batch, seed), Shuffled(others, beside, seed + 1)
    mixed = Mixed(main, other, count)
    for epoch in range(3):
        for both, own in zip(mixed.batches(epoch), main.batches(epoch), strict=True):
            assert both[: len(own)].tolist() == own.tolist()
            replayed = both[len(own) :]
            assert len(replayed) == min(beside, others)
            assert replayed.min() >= count
            assert replayed.max() < count + others


def test_mixed_shows_all_of_the_other_before_any_again_however_short_the_epochs_are():
    mixed = Mixed(Shuffled(6, 3, 0), Shuffled(8, 2, 1), 6)  # two steps an epoch; the other has four
    for first in (0, 2, 4):
        shown = [
            number
            for epoch in (first, first + 1)
            for batch in mixed.batches(epoch)
            for number in batch[3:].tolist()
        ]
        assert sorted(shown) == list(range(6, 14))


@settings(deadline=None)
@given(_labels, _batches, st.integers(1, 4), _seeds, _epochs)
def test_every_sampler_says_the_same_at_every_call(labels, batch, each, seed, epoch):
    def samplers():
        yield Shuffled(len(labels), batch, seed)
        yield Balanced(labels, batch, each, seed)
        yield Mixed(Balanced(labels, batch, each, seed), Shuffled(len(labels), 2, seed), len(labels))

    for one, another in zip(samplers(), samplers(), strict=True):
        another.batches(epoch + 3)  # what was asked before makes no difference
        assert _lists(one.batches(epoch)) == _lists(another.batches(epoch)) == _lists(one.batches(epoch))


def test_epochs_and_seeds_differ():
    orders = [_lists(Shuffled(40, 8, seed).batches(epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert all(one != other for number, one in enumerate(orders) for other in orders[:number])


@pytest.mark.parametrize(
    ("batch", "share", "new", "replayed"), [(10, 0.3, 7, 3), (4, 0.01, 3, 1), (4, 0.99, 1, 3)]
)
def test_the_replayed_share_of_a_batch_is_the_configs_and_neither_all_nor_nothing(batch, share, new, replayed):
    config = EmbedderConfig.model_validate({"sampling": {"batch": batch}, "data": {"replay_share": share}})
    sampler = make_sampler(config, list(range(50)) * 2, 50)
    for numbers in sampler.batches(0):
        assert (numbers < 50).sum() == new
        assert (numbers >= 50).sum() == replayed


def test_without_replay_a_batch_is_all_new():
    config = EmbedderConfig.model_validate({"sampling": {"batch": 8}})
    assert sorted(np.concatenate(make_sampler(config, list(range(16)), 16).batches(0)).tolist()) == list(range(16))
