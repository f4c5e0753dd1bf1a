from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from hanzaki.matching.clustering import cluster
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.partition_sampling import Sampling, sample_partitions
from hanzaki.matching.tempering import fit_tempering
from tests.matching.partitions import allowed, every_partition, pairs_of, planted, random_odds

MANY = Sampling(samples=4000, burn_in=100)


def possible(odds: PairOdds, constraints: list[Constraint]) -> list[np.ndarray]:
    """Partitions that are allowed, and in which each item was compared with another of its cluster."""
    linked = np.zeros((odds.items, odds.items), bool)
    linked[tuple(odds.pairs.T)] = True
    linked |= linked.T
    partitions = []
    for labels in every_partition(odds.items):
        same = (labels[:, None] == labels) & ~np.eye(odds.items, dtype=bool)
        joined = (same & linked).any(axis=1) | ~same.any(axis=1)
        if allowed(labels, constraints) and joined.all():
            partitions.append(labels)
    return partitions


@pytest.mark.parametrize(
    ("share", "absent", "constraints"),
    [
        (1.0, 0.0, []),
        (0.5, -0.5, []),
        (0.6, 0.0, [Constraint(0, 3, False), Constraint(1, 4, False, weight=1.0)]),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_partitions_come_as_often_as_they_are_probable(share: float, absent: float, constraints, seed: int):
    odds = random_odds(6, seed, share, absent).tempered(0.5)
    found = cluster(odds, constraints)
    drawn = sample_partitions(odds, found.labels, constraints, MANY)
    weighed = odds.weighed(constraints)
    partitions = possible(weighed, constraints)
    chance = softmax([weighed.within(labels) for labels in partitions])
    counts = np.array([labels.max() + 1 for labels in partitions])
    expected = np.bincount(counts, chance, 7)
    np.testing.assert_allclose(np.bincount(drawn.counts, minlength=7) / 4000, expected, atol=0.035)
    standing = np.zeros(found.individuals)
    together = np.zeros(6)
    for labels, share_of in zip(partitions, chance, strict=True):
        for label in range(found.individuals):
            inside = found.labels == label
            standing[label] += share_of * (
                len(set(labels[inside])) == 1 and not np.isin(labels[~inside], labels[inside]).any()
            )
        for item in range(6):
            fellows = np.flatnonzero((found.labels == found.labels[item]) & (np.arange(6) != item))
            alone = (labels == labels[item]).sum() == 1
            together[item] += share_of * ((labels[fellows] == labels[item]).mean() if len(fellows) else alone)
    np.testing.assert_allclose(drawn.standing, standing, atol=0.035)
    np.testing.assert_allclose(drawn.together, together, atol=0.035)
    pairs, same = drawn.same
    true = [[labels[one] == labels[other] for one, other in pairs.tolist()] for labels in partitions]
    np.testing.assert_allclose(same, chance @ np.array(true), atol=0.035)


def test_two_large_clusters_that_may_be_one_are_now_one_and_now_two():
    size = 8
    first, second = np.nonzero(np.triu(np.ones((2 * size, 2 * size)), 1))
    across = (first < size) & (second >= size)
    odds = PairOdds.listed(2 * size, first, second, np.where(across, 0.0, 3.0))
    drawn = sample_partitions(odds, cluster(odds).labels, sampling=Sampling(400, 20))
    assert 0.35 < (drawn.counts == 1).mean() < 0.65  # 64 pairs, together indifferent


def test_what_people_said_to_be_one_moves_together():
    odds = PairOdds.listed(4, [0, 1, 2], [1, 2, 3], [-3.0, 1.0, 0.5])
    rules = [Constraint(0, 1, True), Constraint(0, 3, False)]
    drawn = sample_partitions(odds, cluster(odds, rules).labels, rules, Sampling(100))
    assert set(drawn.counts.tolist()) == {2, 3}


def test_a_seed_gives_one_answer_and_the_interval_is_of_the_counts():
    truth, odds = planted(150, sharpness=2.0)
    labels = cluster(odds).labels
    one, other = (sample_partitions(odds, labels, sampling=Sampling(30, 5)) for _ in range(2))
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.together, other.together)
    mean, low, high = one.individuals(0.9)
    assert low <= mean <= high
    assert (low, high) == tuple(np.quantile(one.counts, [0.05, 0.95]))
    assert len(pairs_of(truth)) > 0
    assert ((one.together >= 0) & (one.together <= 1)).all()


def test_with_weak_evidence_the_partition_agreed_on_is_better_than_the_most_probable():
    truth, odds = planted(120, neighbours=60, sharpness=1.0, seed=4)
    known, labelled = planted(120, neighbours=60, sharpness=1.0, seed=5)
    odds = fit_tempering(labelled, known.tolist()).apply(odds)
    most_probable = cluster(odds).labels
    agreed = sample_partitions(odds, most_probable, sampling=Sampling(60)).agreed().labels
    right = pairs_of(truth)

    def wrong(labels: np.ndarray) -> int:
        return len(pairs_of(labels) ^ right)

    assert wrong(agreed) < 0.95 * wrong(most_probable)


def test_what_people_said_holds_in_the_partition_agreed_on():
    odds = random_odds(8, 0)
    rules = [Constraint(0, 1, True), Constraint(2, 3, False), Constraint(4, 5, True, weight=0.5)]
    drawn = sample_partitions(odds, cluster(odds, rules).labels, rules, Sampling(30))
    assert allowed(drawn.agreed(rules).labels, rules)


def test_where_to_begin_must_be_allowed():
    odds = PairOdds.listed(2, [0], [1], [1.0])
    with pytest.raises(ValueError, match="part what people said"):
        sample_partitions(odds, np.array([0, 1]), [Constraint(0, 1, True)])
    with pytest.raises(ValueError, match="put together what people said"):
        sample_partitions(odds, np.array([0, 0]), [Constraint(0, 1, False)])
    with pytest.raises(ValueError, match="2 items, but 3 labels"):
        sample_partitions(odds, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="at least one partition"):
        Sampling(samples=0)


def test_no_items_are_no_individuals():
    drawn = sample_partitions(PairOdds.listed(0, [], [], []), np.zeros(0, np.int64), sampling=Sampling(3))
    assert drawn.counts.tolist() == [0, 0, 0]
    alone = sample_partitions(PairOdds.listed(2, [], [], []), np.array([0, 1]), sampling=Sampling(3))
    assert alone.counts.tolist() == [2, 2, 2]
    assert (alone.together.tolist(), alone.standing.tolist()) == ([1.0, 1.0], [1.0, 1.0])
