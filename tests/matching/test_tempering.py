from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import minimize

from hanzaki.matching.clustering import cluster
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.partition_sampling import Sampling, sample_partitions
from hanzaki.matching.tempering import fit_tempering
from tests.matching.partitions import every_partition, planted, random_odds


def loss(odds: PairOdds, names: list[str], trust: float, shift: float) -> float:
    """The penalised negative log composite likelihood, by going through the splits and merges."""
    matrix, total = odds.matrix(), ((trust - 1) ** 2 + shift**2) / 2
    compared = {tuple(pair) for pair in odds.pairs.tolist()}
    items = {name: [item for item, of in enumerate(names) if of == name] for name in names}

    def log_odds(one: list[int], other: list[int]) -> float:
        return sum(trust * matrix[item, mate] + shift for item in one for mate in other)

    for one, other in combinations(items.values(), 2):
        if any((min(pair), max(pair)) in compared for pair in product(one, other)):
            total += np.logaddexp(0, log_odds(one, other))
    for own in items.values():
        for labels in every_partition(len(own)):
            if labels.max() == 1:
                sides = [
                    [item for item, label in zip(own, labels, strict=True) if label == side] for side in (0, 1)
                ]
                total += np.logaddexp(0, -log_odds(*sides))
    return total


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_is_where_the_composite_likelihood_is_highest(seed: int):
    odds = random_odds(14, seed, 0.4, -0.5)
    names = [f"animal {number}" for number in np.random.default_rng(seed).integers(0, 6, 14)]
    found = fit_tempering(odds, names)
    other = minimize(
        lambda x: loss(odds, names, *x), [1.0, 0.0], bounds=[(0, None), (None, None)], method="L-BFGS-B"
    )
    np.testing.assert_allclose([found.trust, found.shift], other.x, atol=2e-3)
    assert found.individuals == len(set(names))


def test_evidence_that_is_told_twice_is_trusted_half():
    truth, odds = planted(400, sharpness=2.0)
    one = fit_tempering(odds, truth.tolist())
    twice = fit_tempering(PairOdds(400, odds.pairs, 2 * odds.log_odds, 2 * odds.absent), truth.tolist())
    assert twice.trust == pytest.approx(one.trust / 2, rel=0.05)


@pytest.mark.parametrize("each", [2, 4])
def test_tempered_the_number_of_individuals_is_right(each: int):
    known, odds = planted(400, each, sharpness=2.5, seed=1)
    truth, pile = planted(400, each, sharpness=2.5, seed=2)
    tempered = fit_tempering(odds, known.tolist()).apply(pile)
    there = len(np.unique(truth))
    _, low, high = sample_partitions(tempered, cluster(tempered).labels, sampling=Sampling(60)).individuals(0.99)
    _, _, low_raw = sample_partitions(pile, cluster(pile).labels, sampling=Sampling(30)).individuals(0.99)
    assert low - 0.02 * there <= there <= high + 0.02 * there
    assert high - low < 0.2 * there
    assert low_raw > 1.1 * there  # untempered, each pair brings the rarity of pairs along


def test_without_items_nothing_is_changed():
    found = fit_tempering(PairOdds.listed(0, [], [], []), [])
    assert (found.trust, found.shift) == (1.0, 0.0)
    with pytest.raises(ValueError, match="0 items, but 1 individuals"):
        fit_tempering(PairOdds.listed(0, [], [], []), ["a"])
