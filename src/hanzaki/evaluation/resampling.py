"""Bootstrap by individual: animals were drawn from nature, so it is animals that are drawn again.

Photographs of one animal resemble each other, and an interval that draws photographs is far too narrow. Here whole
individuals are drawn with all their photographs (the cluster bootstrap: Davison & Hinkley 1997, Bootstrap methods
and their application, section 3.8; Field & Welsh 2007, Bootstrapping clustered data). One seed always gives the
same draws, so that the intervals of two models on the same queries are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: (b, s) sums of b samples -> (b, q) measures of each; NaN where a measure has no value.
StatisticOfSums = Callable[[Floats], Floats]
#: (k,) rows that make up a sample, a row once for each time it was drawn -> (q,) measures.
StatisticOfRows = Callable[[Integers], Floats]

_BLOCK = 1 << 21  # numbers in one block of resamples: 16 MB


class Interval(NamedTuple):
    """A value with its interval; NaN where there is none."""

    value: float
    low: float
    high: float

    def as_json(self) -> list[float | None]:
        """Value, low, high; what is not a number is None."""
        return [number if math.isfinite(number) else None for number in self]


@dataclass(frozen=True)
class Resampling:
    """How animals are drawn again.

    Attributes:
        level: of the interval.
        resamples: how often animals are drawn.
        seed: of the draw.

    Raises:
        ValueError: if the level is not between 0 and 1, or nothing is drawn.
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"the level of an interval is between 0 and 1, not {self.level}")
        if self.resamples < 1:
            raise ValueError(f"at least one resample must be drawn, not {self.resamples}")


#: 95%, from 2,000 resamples.
USUAL = Resampling()


def number_individuals(individuals: Sequence[Hashable]) -> tuple[Integers, int]:
    """Number the individuals, whatever order their rows stand in.

    Args:
        individuals: the individual of each of n rows.

    Returns:
        int64 (n,), a number from 0 for each row's individual; and how many individuals there are.
    """
    if not len(individuals):
        return np.empty(0, np.int64), 0
    names, member = np.unique([repr(individual) for individual in individuals], return_inverse=True)
    return member.astype(np.int64), len(names)


def sum_by_individual(values: Floats, member: Integers, count: int) -> Floats:
    """Sum (n, s) rows by individual: (count, s)."""
    sums = np.zeros((count, values.shape[1]))
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(member, values[:, column], count)
    return sums


def draw_individuals(count: int, resampling: Resampling = USUAL, *, width: int = 1) -> Iterator[Integers]:
    """Draw as many individuals as there are, with replacement, again and again.

    Args:
        count: how many individuals there are, at least one.
        resampling: how often, and from which seed.
        width: numbers that the caller makes of each resample; keeps blocks of them small.

    Yields:
        int64 (b, count), how often each individual was drawn in each of the next b resamples.
    """
    rng, share = np.random.default_rng(resampling.seed), np.full(count, 1 / count)
    step = max(1, _BLOCK // max(count, width))
    for start in range(0, resampling.resamples, step):
        yield rng.multinomial(count, share, size=min(step, resampling.resamples - start))


def resample_sums(sums: Floats, statistic: StatisticOfSums, resampling: Resampling = USUAL) -> Floats:
    """A statistic of resampled animals, if it is a function of sums: thousands of resamples at once.

    Args:
        sums: (count, s), one row an individual.
        statistic: from the sums of a sample to its measures.
        resampling: how animals are drawn.

    Returns:
        float64 (resamples, q); (0, q) if there are no individuals.
    """
    count, width = sums.shape
    if not count:
        return statistic(np.zeros((1, width)))[:0]
    draws = draw_individuals(count, resampling, width=width)
    return np.concatenate([statistic(drawn @ sums) for drawn in draws])


def resample_rows(
    individuals: Sequence[Hashable], statistic: StatisticOfRows, resampling: Resampling = USUAL
) -> Floats:
    """A statistic of resampled animals, whatever it is: one resample after another.

    Args:
        individuals: the individual of each of n rows.
        statistic: from the rows of a sample to its measures.
        resampling: how animals are drawn.

    Returns:
        float64 (resamples, q); (0, q) if there are no rows.
    """
    member, count = number_individuals(individuals)
    rows = np.arange(len(member))
    if not count:
        return statistic(rows)[None][:0]
    return np.stack(
        [
            statistic(np.repeat(rows, drawn[member]))
            for block in draw_individuals(count, resampling, width=len(member))
            for drawn in block
        ]
    )


def interval_of_sums(
    sums: Floats, statistic: StatisticOfSums, resampling: Resampling = USUAL
) -> tuple[Interval, ...]:
    """Each measure of the whole sample with its interval; see :func:`resample_sums`."""
    value = statistic(sums.sum(axis=0, keepdims=True))[0]
    return percentile_intervals(value, resample_sums(sums, statistic, resampling), resampling.level)


def interval_of_rows(
    individuals: Sequence[Hashable], statistic: StatisticOfRows, resampling: Resampling = USUAL
) -> tuple[Interval, ...]:
    """Each measure of the whole sample with its interval; see :func:`resample_rows`."""
    value = statistic(np.arange(len(individuals)))
    return percentile_intervals(value, resample_rows(individuals, statistic, resampling), resampling.level)


def percentile_intervals(value: Floats, resampled: Floats, level: float) -> tuple[Interval, ...]:
    """Percentile intervals (Efron & Tibshirani 1993, An introduction to the bootstrap, section 13.3).

    Resamples in which a measure has no value (a class nobody of whom was drawn) do not count for it. With few
    individuals the intervals are somewhat too narrow; with one they have no width, and say nothing.

    Args:
        value: (q,) measures of the whole sample.
        resampled: (resamples, q), the same of each resample.
        level: of the interval.

    Returns:
        One interval a measure; low and high are NaN where the value or all resamples are.
    """
    tail = (1 - level) / 2
    intervals = []
    for middle, column in zip(value.tolist(), resampled.T, strict=True):
        there = column[~np.isnan(column)]
        if np.isnan(middle) or not len(there):
            intervals.append(Interval(middle, math.nan, math.nan))
        else:
            low, high = np.quantile(there, [tail, 1 - tail]).tolist()
            intervals.append(Interval(middle, low, high))
    return tuple(intervals)


def quotient(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    """Divide, NaN where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    result = np.full(below.shape, np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result
