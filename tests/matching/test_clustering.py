from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from hanzaki.errors import DecisionError
from hanzaki.matching import agglomeration
from hanzaki.matching.agglomeration import search
from hanzaki.matching.clustering import cluster
from hanzaki.matching.constraints import Constraint, close
from hanzaki.matching.network import network_of
from hanzaki.matching.odds import PairOdds
from tests.matching.partitions import allowed, every_partition, pairs_of, planted, random_odds

rules = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans()), max_size=3)


def constraints_of(drawn: list[tuple[int, int, bool, bool]], count: int) -> list[Constraint]:
    """Constraints on items that exist, hard or doubted."""
    return [
        Constraint(one, other, same, weight=float("inf") if hard else 1.5)
        for one, other, same, hard in drawn
        if one != other and max(one, other) < count
    ]


@given(st.integers(1, 7), st.integers(0, 999), st.sampled_from([0.4, 1.0]), st.sampled_from([0.0, -1.0]), rules)
@settings(max_examples=60, deadline=None)
def test_no_allowed_partition_is_better(count: int, seed: int, share: float, absent: float, drawn):
    odds, constraints = random_odds(count, seed, share, absent), constraints_of(drawn, count)
    partitions = [labels for labels in every_partition(count) if allowed(labels, constraints)]
    if not partitions:
        with pytest.raises(DecisionError):
            cluster(odds, constraints)
        return
    weighed = odds.weighed(constraints)
    found = cluster(odds, constraints)
    assert allowed(found.labels, constraints)
    assert found.objective == pytest.approx(weighed.within(found.labels))
    assert found.objective == pytest.approx(max(map(weighed.within, partitions)))


@given(st.integers(1, 8), st.integers(0, 999), st.sampled_from([0.0, -1.0]))
@settings(max_examples=30, deadline=None)
def test_local_search_is_nearly_as_good_as_the_best(count: int, seed: int, absent: float):
    odds = random_odds(count, seed, absent=absent)
    network, node = network_of(odds, close(count, []))
    labels = search(network)
    value = odds.within(np.array(labels)[node])
    assert value == pytest.approx(network.within(labels))
    assert value >= 0.85 * cluster(odds).objective


@given(st.integers(0, 99), st.sampled_from([8, 40]))
@settings(max_examples=15, deadline=None)
def test_the_order_of_items_does_not_matter(seed: int, count: int):
    odds = random_odds(count, seed, 0.4, -0.5)
    order = np.random.default_rng(seed).permutation(count)
    shuffled = PairOdds.listed(count, *order[odds.pairs].T, odds.log_odds, odds.absent)
    one, other = cluster(odds), cluster(shuffled)
    assert pairs_of(one.labels) == pairs_of(other.labels[order])
    np.testing.assert_array_equal(one.member, other.member[order])
    assert one.firm.tolist() == cluster(odds).firm.tolist()


@pytest.mark.parametrize("exact", [12, 2])
def test_a_clear_pile_is_put_together_as_it_was(exact: int, monkeypatch):
    monkeypatch.setattr(agglomeration, "EXACT", exact)
    truth, odds = planted(600, sharpness=6.0, together=40)
    found = cluster(odds)
    assert found.objective >= odds.within(truth)
    assert adjusted_rand_score(truth, found.labels) > 0.99
    assert abs(found.individuals - len(np.unique(truth))) <= 3
    assert np.bincount(found.labels)[0] >= 39  # individuals with most items come first
    assert (np.diff(np.bincount(found.labels)) <= 0).all()


def test_one_step_from_the_best_nothing_is_better():
    _, odds = planted(120, sharpness=2.0, seed=3)
    found = cluster(odds)
    for item in range(120):
        for label in range(found.individuals + 1):
            moved = found.labels.copy()
            moved[item] = label
            assert odds.within(moved) <= found.objective + 1e-6


@given(st.integers(2, 7), st.integers(0, 99), st.sampled_from([0.0, -1.0]))
@settings(max_examples=30, deadline=None)
def test_sureness_is_what_other_partitions_one_change_away_are_worth(count: int, seed: int, absent: float):
    odds = random_odds(count, seed, 1.0, absent)
    found = cluster(odds)
    for item in range(count):
        others = np.delete(np.arange(count), item)
        changes = [
            lab for lab in every_partition(count) if pairs_of(lab[others]) == pairs_of(found.labels[others])
        ]
        values = [odds.within(labels) - found.objective for labels in changes]
        assert found.member[item] == pytest.approx(np.exp(-logsumexp(values)))
    for label in range(found.individuals):
        inside = set(np.flatnonzero(found.labels == label).tolist())
        assert found.firm[label] == pytest.approx(_firm(odds, found, inside), rel=1e-6)


def _firm(odds: PairOdds, found, inside: set[int]) -> float:
    """A cluster's share among all partitions with one of its items elsewhere, or all of it with another."""
    changes = {frozenset(pairs_of(found.labels)): 0.0}
    for item in inside:
        for label in range(found.individuals + 1):
            moved = found.labels.copy()
            moved[item] = label
            changes[frozenset(pairs_of(moved))] = odds.within(moved) - found.objective
    own = found.labels[next(iter(inside))]
    for label in range(found.individuals):
        moved = np.where(found.labels == label, own, found.labels)
        changes[frozenset(pairs_of(moved))] = odds.within(moved) - found.objective
    return float(np.exp(-logsumexp(list(changes.values()))))


def test_decisions_outweigh_what_pictures_say():
    odds = PairOdds.listed(4, [0, 1, 2], [1, 2, 3], [5.0, 5.0, -5.0])
    assert cluster(odds).labels.tolist() == [0, 0, 0, 1]
    parted = cluster(odds, [Constraint(0, 2, False), Constraint(2, 3, True)])
    assert parted.labels[0] != parted.labels[2] == parted.labels[3]
    doubted = cluster(odds, [Constraint(2, 3, True, weight=4.0)])
    assert doubted.labels.tolist() == [0, 0, 0, 1]


def test_no_items_are_no_individuals():
    found = cluster(PairOdds.listed(0, [], [], []))
    assert (found.individuals, len(found.labels), found.objective) == (0, 0, 0.0)
    alone = cluster(PairOdds.listed(2, [], [], []))
    assert (alone.individuals, alone.member.tolist(), alone.firm.tolist()) == (2, [1.0, 1.0], [1.0, 1.0])
