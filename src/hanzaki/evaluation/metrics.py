"""How good a ranking is: top-k and average precision, right where scores tie, with intervals by individual."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.resampling import (
    Floats,
    Resampling,
    interval_of_sums,
    number_individuals,
    quotient,
    sum_by_individual,
)


def ranking_metrics(
    scores: npt.NDArray[np.floating], relevant: npt.NDArray[np.bool_], ks: Sequence[int]
) -> Floats:
    """Top-k hits and average precision of one query.

    Where items tie, the value is the mean over all orders that the tied items could stand in, which no order of
    the table can flatter or harm (McSherry & Najork 2008, Computing information retrieval performance measures
    efficiently in the presence of tied scores).

    Args:
        scores: (n,) of the gallery for this query; -inf = not in the contest.
        relevant: bool (n,), which of them are of the query's individual; at least one in the contest.
        ks: the k of top-k.

    Returns:
        float64 (len(ks) + 1,): the chance of a relevant item among the first k, each k; then average precision.

    Raises:
        ValueError: if no relevant item is in the contest.
    """
    wanted = scores[relevant]
    levels, hits = np.unique(wanted[wanted > -np.inf], return_counts=True)
    if not len(levels):
        raise ValueError("the query has no true match in the contest")
    levels, hits = levels[::-1], hits[::-1]
    above = np.array([np.count_nonzero(scores > level) for level in levels])
    tied = np.array([np.count_nonzero(scores == level) for level in levels])
    top = [_chance_of_hit(int(above[0]), int(tied[0]), int(hits[0]), k) for k in ks]
    found, precision = 0, 0.0
    for before, size, true in zip(above.tolist(), tied.tolist(), hits.tolist(), strict=True):
        place = np.arange(size)
        others = place * ((true - 1) / (size - 1)) if size > 1 else np.zeros(1)
        precision += float(((true / size) * (found + 1 + others) / (before + 1 + place)).sum())
        found += true
    return np.array([*top, precision / found])


def _chance_of_hit(above: int, tied: int, true: int, k: int) -> float:
    """Chance that one of ``true`` among ``tied`` items, in random order behind ``above``, is in the first k."""
    open_places = k - above
    if open_places <= 0:
        return 0.0
    miss = 1.0  # hypergeometric: every one of the open places goes to a false item
    for place in range(min(open_places, tied)):
        miss *= max(0, tied - true - place) / (tied - place)
    return 1.0 - miss


def bootstrap_interval(
    values: Floats, groups: Sequence[Hashable], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Floats:
    """Mean of each column with its percentile bootstrap interval, resampling whole groups.

    See :mod:`hanzaki.evaluation.resampling` for why, and for other statistics than the mean.

    Args:
        values: float64 (n, m), m measures of n queries.
        groups: the individual of each query.
        level: of the interval.
        resamples: how often animals are drawn.
        seed: of the draw.

    Returns:
        float64 (m, 3): value, low, high; NaN throughout if there are no queries.
    """
    member, count = number_individuals(groups)
    rows = np.column_stack([values, np.ones(len(values))])
    intervals = interval_of_sums(
        sum_by_individual(rows, member, count),
        lambda sums: quotient(sums[:, :-1], sums[:, -1:]),
        Resampling(level, resamples, seed),
    )
    return np.array(intervals)
