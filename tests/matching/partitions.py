"""Partitions for tests: all of them, those people allow, and piles whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds


def every_partition(count: int) -> Iterator[np.ndarray]:
    """All set partitions of 0..count - 1, as labels (restricted growth strings)."""

    def grow(labels: list[int]) -> Iterator[list[int]]:
        if len(labels) == count:
            yield labels
            return
        for label in range(max(labels, default=-1) + 2):
            yield from grow([*labels, label])

    for labels in grow([]):
        yield np.array(labels, np.int64)


def allowed(labels: np.ndarray, constraints: Sequence[Constraint]) -> bool:
    return all((labels[rule.first] == labels[rule.second]) == rule.same for rule in constraints if rule.hard)


def pairs_of(labels: np.ndarray) -> set[tuple[int, int]]:
    """The pairs that are together: equal for equal partitions, whatever their labels."""
    first, second = np.nonzero(np.triu(labels[:, None] == labels[None], 1))
    return set(zip(first.tolist(), second.tolist(), strict=True))


def random_odds(count: int, seed: int, share: float = 0.7, absent: float = 0.0) -> PairOdds:
    rng = np.random.default_rng(seed)
    first, second = np.nonzero(np.triu(rng.random((count, count)) < share, 1))
    return PairOdds.listed(count, first, second, rng.normal(0, 2, len(first)), absent)


def planted(
    count: int, each: int = 4, neighbours: int = 12, sharpness: float = 4.0, seed: int = 0, together: int = 0
) -> tuple[np.ndarray, PairOdds]:
    """Items of count / each individuals, and calibrated log odds of some pairs.

    Evidence is normal around plus or minus half its variance, as log likelihood ratios are. ``together`` first
    items are of one individual.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, count // each, count)
    truth[:together] = 0
    mates = np.argwhere(truth[:, None] == truth[None])
    others = np.stack(
        [np.repeat(np.arange(count), neighbours), rng.integers(0, count, count * neighbours)], axis=1
    )
    pairs = np.unique(np.sort(np.concatenate([mates, others]), axis=1), axis=0)
    first, second = pairs[pairs[:, 0] < pairs[:, 1]].T
    same = truth[first] == truth[second]
    evidence = rng.normal(np.where(same, 0.5, -0.5) * sharpness**2, sharpness)
    prior = np.log(same.mean() / (1 - same.mean()))
    return truth, PairOdds.listed(count, first, second, evidence + prior, absent=-4.0)
