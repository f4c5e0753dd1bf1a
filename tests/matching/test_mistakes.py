from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from hanzaki.errors import DecisionError
from hanzaki.matching import mistakes
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.mistakes import find_one_as_two, find_two_as_one
from hanzaki.matching.odds import PairOdds
from tests.matching.partitions import every_partition, planted, random_odds


def catalogue(seed: int = 0) -> tuple[np.ndarray, list[str | None], PairOdds]:
    """Animals 0 to 4 under two names each, 10 to 14 under their next one's name too; the rest named rightly."""
    truth, odds = planted(300, 6, sharpness=3.0, seed=seed)
    names = [f"animal {who}" for who in truth]
    for who in range(5):
        for place, item in enumerate(np.flatnonzero(truth == who)):
            names[item] += " again" if place % 2 else ""
    for who in range(10, 20, 2):
        for item in np.flatnonzero(truth == who):
            names[item] = f"animal {who + 1}"
    return truth, names, odds


def test_who_has_two_names_is_found_and_few_others():
    _, names, odds = catalogue()
    found = find_one_as_two(odds, names, tolerated=0.1)
    twice = {(f"animal {who}", f"animal {who} again") for who in range(5)}
    assert len(twice & {merge.individuals for merge in found[:6]}) >= 4
    assert len(found) < 10
    assert [merge.probability for merge in found] == sorted((merge.probability for merge in found), reverse=True)


def test_a_name_of_two_animals_is_found_with_who_is_whose():
    truth, names, odds = catalogue()
    found = find_two_as_one(odds, names, tolerated=0.1)
    mixed = {f"animal {who}" for who in range(11, 20, 2)}
    assert len(mixed & {split.individual for split in found[:6]}) >= 4
    assert len(found) < 10
    right = next(split for split in found if split.individual in mixed)
    assert all(len(set(truth[list(part)])) == 1 for part in right.parts)
    assert len(right.parts[0]) >= len(right.parts[1])


@given(st.integers(0, 999), st.sampled_from([0.0, -0.7]), st.sampled_from([0.0, -2.0]))
@settings(max_examples=30, deadline=None)
def test_probabilities_are_those_of_partitions(seed: int, absent: float, prior: float):
    odds = random_odds(7, seed, 0.8, absent)
    names = ["a", "a", "a", "b", "b", "c", None]
    named = np.array([0, 0, 0, 1, 1, 2, 3])
    before = odds.within(named)
    for merge in find_one_as_two(odds, names, prior=prior, tolerated=1.0):
        places = ["abc".index(str(name)) for name in merge.individuals]
        after = odds.within(np.where(named == places[1], places[0], named))
        assert merge.log_odds == pytest.approx(after - before + prior)
        assert merge.probability == pytest.approx(expit(merge.log_odds))
    found = {split.individual: split for split in find_two_as_one(odds, names, prior=prior, tolerated=1.0)}
    assert set(found) == {"a", "b"}
    ways = [labels for labels in every_partition(3) if labels.max() == 1]
    worth = [np.exp(odds.within(np.r_[way + 10, named[3:]]) - before + prior) for way in ways]
    assert found["a"].probability == pytest.approx(sum(worth) / (1 + sum(worth)))
    assert found["a"].best == pytest.approx(max(worth) / sum(worth))
    best = [way for way, each in zip(ways, worth, strict=True) if each == pytest.approx(max(worth))]
    assert set(found["a"].parts) in [  # several may be as good
        {tuple(np.flatnonzero(way == side).tolist()) for side in (0, 1)} for way in best
    ]


@given(st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_search_for_large_individuals_agrees_with_weighing_all_splits(seed: int):
    rng = np.random.default_rng(seed)
    side = rng.random(9) < 0.4
    odds = PairOdds.of_matrix(np.where(side[:, None] == side, 1.5, -1.5) + rng.normal(0, 1, (9, 9)))
    (whole,) = find_two_as_one(odds, ["a"] * 9, tolerated=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mistakes, "EXACT", 2)
        (searched,) = find_two_as_one(odds, ["a"] * 9, tolerated=1.0)
    assert searched.log_odds == pytest.approx(whole.log_odds, abs=1.0)
    assert searched.probability <= whole.probability + 1e-9
    if whole.best > 0.5:
        assert searched.parts == whole.parts


def test_the_expected_share_of_false_alarms_is_kept_and_true():
    alarms, wrong, said = 0, 0, 0.0
    for seed in range(8):
        truth, names, odds = catalogue(seed)
        found = find_one_as_two(odds.tempered(1.0, 1.5), names, tolerated=0.3)
        of_name = {name: truth[item] for item, name in enumerate(names)}
        if found:
            assert found[-1].false_alarms <= 0.3
            assert found[-1].false_alarms == pytest.approx(np.mean([1 - merge.probability for merge in found]))
            said += found[-1].false_alarms * len(found)
        mixed = {f"animal {who}" for who in range(11, 20, 2)}
        for merge in found:
            alarms += 1
            one, other = merge.individuals
            wrong += of_name[one] != of_name[other] and not mixed & {one, other}
    assert alarms > 30
    assert abs(wrong - said) < 6


def test_decisions_of_people_count():
    odds = PairOdds.listed(4, [0, 0, 1, 1, 0, 2], [2, 3, 2, 3, 1, 3], [2.0, 2.0, 2.0, 2.0, 3.0, -9.0])
    names = ["a", "a", "b", "b"]
    (merge,) = find_one_as_two(odds, names)
    assert merge.log_odds == 8
    assert find_one_as_two(odds, names, [Constraint(0, 3, False)]) == ()
    (doubted,) = find_one_as_two(odds, names, [Constraint(0, 3, False, weight=7.0)])
    assert doubted.log_odds == 1
    assert find_one_as_two(PairOdds.listed(4, [], [], []), names, [Constraint(1, 2, True)])[0].probability == 1
    (split,) = find_two_as_one(odds, names, tolerated=0.1)
    assert (split.individual, split.parts) == ("b", ((2,), (3,)))
    assert find_two_as_one(odds, names, [Constraint(2, 3, True)], tolerated=0.1) == ()
    certain = find_two_as_one(odds, names, [Constraint(2, 3, True), Constraint(0, 1, False)])
    assert [(split.individual, split.probability) for split in certain] == [("a", 1.0)]
    with pytest.raises(DecisionError):
        find_two_as_one(odds, names, [Constraint(0, 1, True), Constraint(0, 1, False)])


@pytest.mark.parametrize("find", [find_one_as_two, find_two_as_one])
def test_the_order_of_items_does_not_matter(find):
    _, names, odds = catalogue()
    order = np.random.default_rng(0).permutation(len(names))
    shuffled = PairOdds.listed(len(names), *np.argsort(order)[odds.pairs].T, odds.log_odds, odds.absent)
    one, other = find(odds, names), find(shuffled, [names[item] for item in order])
    assert [repr(getattr(f, "individuals", None) or f.individual) for f in one] == [
        repr(getattr(f, "individuals", None) or f.individual) for f in other
    ]
    np.testing.assert_allclose([f.probability for f in one], [f.probability for f in other])


def test_what_cannot_be_searched_is_an_error_and_nothing_is_nothing():
    empty = PairOdds.listed(0, [], [], [])
    assert find_one_as_two(empty, []) == find_two_as_one(empty, []) == ()
    with pytest.raises(ValueError, match="0 items, but 1 individuals"):
        find_one_as_two(empty, ["a"])
    with pytest.raises(ValueError, match="from 0 to 1, not 2"):
        find_two_as_one(empty, [], tolerated=2)
