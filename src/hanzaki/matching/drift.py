"""Markings drift as animals grow: how much evidence is lost a year, and what an old photograph still weighs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import ndtri

from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Years; gaps between photographs that differ by less are of one length.
LEAST_DIFFERENCE = 1e-3

_START = (0.3, 0.3, 0.01, 0.1)  # of noise, start, slope and quality, in the mean square of the log odds
_YEAR = 365.25  # days
_NUMBERS = ("slope", "low", "high", "start", "strangers", "usual", "spread")  # of a population
_RANGE = 12.0  # spreads are sought from e^-12 to e^12 times that


@dataclass(frozen=True)
class IndividualDrift:
    """How the markings of one individual drift.

    Attributes:
        slope: what the log odds of two of its photographs change for each year between them.
        low: lower end of its interval.
        high: upper end.
        start: the log odds of two of its photographs of one day.
        pairs: of how many pairs of photographs this was learnt.
        years: the longest time between two of them.
    """

    slope: float
    low: float
    high: float
    start: float
    pairs: int
    years: float


@dataclass(frozen=True)
class Drift:
    """How markings drift, over a population and in each individual.

    Attributes:
        slope: what the log odds of two photographs of one individual change for each year between them.
        low: lower end of its interval.
        high: upper end.
        start: the log odds of two photographs of one day.
        strangers: mean log odds of two photographs of two individuals.
        usual: years between two photographs of one individual, on average, where this was learnt.
        spread: standard deviation of the slope over individuals.
        individuals: the drift of each.
    """

    slope: float
    low: float
    high: float
    start: float
    strangers: float
    usual: float
    spread: float
    individuals: Mapping[Hashable, IndividualDrift]

    @property
    def lasts(self) -> float:
        """After how many years photographs of one individual are no more alike than strangers' are."""
        return math.inf if self.slope >= 0 else max(0.0, (self.start - self.strangers) / -self.slope)

    def expected(self, years: npt.ArrayLike, individual: Hashable = None) -> Floats:
        """The log odds to expect of two photographs of one individual; never less than those of strangers.

        Args:
            years: between the two, of any shape; the sign does not matter.
            individual: whose drift; of the population if it is not said or not known.
        """
        own = self.individuals.get(individual)
        start, slope = (self.start, self.slope) if own is None else (own.start, own.slope)
        return np.maximum(start + slope * np.abs(np.asarray(years, np.float64)), self.strangers)

    def weights(self, years: npt.ArrayLike, individual: Hashable = None) -> Floats:
        r"""How much photographs with given gaps to the query tell, beside those of the usual gap.

        .. math:: w(t) = \frac{\mu(t) - \mu_0}{\mu(t_u) - \mu_0}

        with :math:`\mu(t)` the expected log odds at a gap of t years, :math:`\mu_0` those of strangers, and
        :math:`t_u` the usual gap: the weight of a photograph in Fisher's linear discriminant (Fisher 1936, The use
        of multiple measurements in taxonomic problems) if log odds spread alike at all gaps.

        Args:
            years: from the query to each photograph.
            individual: whose photographs.

        Returns:
            float64 of the same shape, from 0; all zero where photographs of one individual are no more alike than
            strangers' even at the usual gap.
        """
        usual = float(self.expected(self.usual)) - self.strangers
        if usual <= 0:
            return np.zeros(np.shape(years))
        return np.asarray((self.expected(years, individual) - self.strangers) / usual, np.float64)

    def corrected(self, log_odds: npt.ArrayLike, years: npt.ArrayLike, individual: Hashable = None) -> Floats:
        """Log odds corrected for the time between two photographs.

        Log odds that were calibrated without regard to time are right at the usual gap, where this changes
        nothing. At a longer gap low log odds are to be expected and speak less against; and all evidence shrinks,
        by :meth:`weights`, towards none.

        Args:
            log_odds: of pairs of photographs, calibrated over all gaps.
            years: between the two, as many; where they are not known (NaN) nothing is changed.
            individual: whose drift.
        """
        values, gaps = np.asarray(log_odds, np.float64), np.asarray(years, np.float64)
        middle = (self.expected(gaps, individual) + self.strangers) / 2
        usual = (float(self.expected(self.usual)) + self.strangers) / 2
        found = self.weights(gaps, individual) * (values - middle + usual)
        return np.asarray(np.where(np.isnan(gaps), values, found), np.float64)

    def as_json(self) -> dict[str, float]:
        """What corrections need, as numbers that JSON takes: the population's, without the individuals."""
        return {name: float(getattr(self, name)) for name in _NUMBERS}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`; of no individual more is known than of all.

        Raises:
            ValueError: if this is no drift.
        """
        try:
            return cls(**{name: float(values[name]) for name in _NUMBERS}, individuals={})
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no drift of markings: {error!r}") from error


def years_to_nearest(
    asked: Sequence[date | None],
    gallery: Sequence[date | None],
    admitted: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.intp],
    count: int,
) -> Floats:
    """Years from a query to the photograph of each individual that is nearest to it in time.

    Args:
        asked: (q,) when the query's photographs were taken; None where that is not known.
        gallery: (n,) likewise of the gallery's.
        admitted: bool (q, n), which pairs may be compared.
        codes: (n,), of each photograph of the gallery which individual it shows; -1 = nobody known.
        count: how many individuals there are.

    Returns:
        float64 (count,); NaN of whom no two photographs with a date may be compared.
    """
    mine, theirs = (
        np.array([np.nan if day is None else day.toordinal() for day in days]) for days in (asked, gallery)
    )
    gaps = np.abs(mine[:, None] - theirs[None]) / _YEAR
    rows, columns = np.nonzero(admitted & ~np.isnan(gaps) & (codes >= 0)[None])
    nearest = np.full(count, np.inf)
    np.minimum.at(nearest, codes[columns], gaps[rows, columns])
    return np.where(np.isinf(nearest), np.nan, nearest)


def fit_drift(
    odds: PairOdds,
    individuals: Sequence[Hashable | None],
    years: npt.ArrayLike,
    level: float = 0.95,
    strangers: float | None = None,
) -> Drift:
    r"""Learn how markings drift, from log odds of photographs of known individuals.

    The log odds y of two photographs j and k of individual i that are t years apart are taken as

    .. math:: y = (a + a_i) + (b + b_i) t + q_j + q_k + e

    with :math:`a_i, b_i`, e and each photograph's quality q normal: individuals with few photographs are drawn to
    the population's slope b, and the pairs of one bad photograph are not taken for many (a linear mixed model:
    Laird & Ware 1982, Random-effects models for longitudinal data). The spreads are those of restricted maximum
    likelihood (Patterson & Thompson 1971).

    Args:
        odds: of n photographs or encounters.
        individuals: whom each is of; None where that is not known, and then it is left out.
        years: (n,) when each was taken, in years (2024.64); NaN where that is not known.
        level: of the intervals.
        strangers: mean log odds of two photographs of two individuals; if not said, that of the pairs listed,
            which is too high where only the likeliest pairs were listed.

    Raises:
        ValueError: if lengths differ, there are no pairs of photographs of one individual with different gaps
            between them, or none of strangers and their mean is not said.
    """
    when = np.asarray(years, np.float64)
    if not len(individuals) == odds.items == len(when):
        raise ValueError(f"{odds.items} items, but {len(individuals)} individuals and {len(when)} years")
    own = _own_pairs(odds, individuals, when)
    if not own or np.ptp(np.concatenate([each.gaps for each in own])) < LEAST_DIFFERENCE:
        raise ValueError("drift needs photographs of one individual with different times between them")
    if strangers is None:
        strangers = _mean_of_strangers(odds, individuals)
    mean, covariance, each, each_covariance, spread = _fitted([one.moments() for one in own])
    z = float(ndtri((1 + level) / 2))
    half, halves = z * math.sqrt(covariance[1, 1]), z * np.sqrt(each_covariance[:, 1, 1])
    drifts = {
        one.name: IndividualDrift(
            slope=float(each[number, 1]),
            low=float(each[number, 1] - halves[number]),
            high=float(each[number, 1] + halves[number]),
            start=float(each[number, 0]),
            pairs=len(one.gaps),
            years=float(one.gaps.max()),
        )
        for number, one in enumerate(own)
    }
    slope, usual = float(mean[1]), float(np.mean([one.gaps.mean() for one in own]))
    return Drift(slope, slope - half, slope + half, float(mean[0]), strangers, usual, spread, drifts)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Sums over the m pairs of an individual with p photographs, or of several, each with as many, stacked.

    A row u of the design is (1, years apart, and for each photograph whether it is of the pair).

    Attributes:
        count: (...,), m.
        squares: (..., 2 + p, 2 + p), of u u'.
        products: (..., 2 + p), of u y.
        total: (...,), of y y.
    """

    count: Floats
    squares: Floats
    products: Floats
    total: Floats


@dataclass(frozen=True, eq=False)
class _OwnPairs:
    """The pairs of one individual: (m, 2) numbers of its photographs from 0, (m,) years apart and log odds."""

    name: Hashable
    pairs: Integers
    gaps: Floats
    values: Floats

    def moments(self) -> _Moments:
        count = len(self.gaps)
        design = np.zeros((count, 3 + int(self.pairs.max())))
        design[:, 0], design[:, 1] = 1, self.gaps
        design[np.arange(count)[:, None], 2 + self.pairs] = 1
        total = np.array(self.values @ self.values)
        return _Moments(np.array(float(count)), design.T @ design, design.T @ self.values, total)


def _own_pairs(odds: PairOdds, individuals: Sequence[Hashable | None], when: Floats) -> list[_OwnPairs]:
    """The pairs of each individual of whom two dated photographs were compared."""
    number = {name: place for place, name in enumerate(dict.fromkeys(individuals))}
    of_item = np.array([-1 if name is None else number[name] for name in individuals], np.int64)
    first, second = odds.pairs.T
    gaps = np.abs(when[first] - when[second])
    same = np.flatnonzero((of_item[first] == of_item[second]) & (of_item[first] >= 0) & ~np.isnan(gaps))
    same = same[np.argsort(of_item[first[same]], kind="stable")]
    bounds = np.flatnonzero(np.diff(of_item[first[same]])) + 1
    return [
        _OwnPairs(
            individuals[first[rows[0]]],
            np.unique(odds.pairs[rows], return_inverse=True)[1].reshape(-1, 2),
            gaps[rows],
            odds.log_odds[rows],
        )
        for rows in np.split(same, bounds)
        if len(rows)
    ]


def _mean_of_strangers(odds: PairOdds, individuals: Sequence[Hashable | None]) -> float:
    pairs = [
        value
        for (first, second), value in zip(odds.pairs.tolist(), odds.log_odds.tolist(), strict=True)
        if None not in (individuals[first], individuals[second]) and individuals[first] != individuals[second]
    ]
    if not pairs:
        raise ValueError("no pair of photographs of two individuals is listed: say the mean log odds of strangers")
    return float(np.mean(pairs))


def _fitted(moments: Sequence[_Moments]) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Start and slope of the population, (2,), and of each individual, (k, 2), each before its covariances.

    Best linear unbiased predictions with the variance of their errors (Henderson 1975, Best linear unbiased
    estimation and prediction under a selection model).

    Returns:
        Those four, and the standard deviation of the slope over individuals.
    """
    groups = _stacked(moments)
    noise, spreads = _spreads([stack for _, stack in groups])
    precision, pull = np.empty((len(moments), 2, 2)), np.empty((len(moments), 2))
    for places, stack in groups:
        precision[places], pull[places], _, _ = _solved(stack, noise, spreads)
    covariance = np.linalg.pinv(precision.sum(axis=0))
    mean = covariance @ pull.sum(axis=0)
    own = mean + spreads[:2] * (pull - precision @ mean)
    left = np.eye(2) - spreads[:2, None] * precision
    own_covariance = left * spreads[:2] + left @ covariance @ np.swapaxes(left, 1, 2)
    return mean, covariance, own, own_covariance, math.sqrt(spreads[1])


def _stacked(moments: Sequence[_Moments]) -> list[tuple[Integers, _Moments]]:
    """Individuals with as many photographs together, with their places, to be solved at once."""
    sizes = np.array([len(one.products) for one in moments])
    return [
        (
            (places := np.flatnonzero(sizes == size)),
            _Moments(
                *(np.stack([vars(moments[place])[name] for place in places.tolist()]) for name in vars(moments[0]))
            ),
        )
        for size in np.unique(sizes)
    ]


def _spreads(groups: Sequence[_Moments]) -> tuple[float, Floats]:
    """The variance of the noise; and of start and slope over individuals, and of quality over photographs."""
    count = sum(float(group.count.sum()) for group in groups)
    scale = max(sum(float(group.total.sum()) for group in groups) / count, 1e-9)

    def deviance(logs: Floats) -> float:
        noise, *spreads = scale * np.exp(logs)
        solved = [_solved(group, noise, np.array(spreads)) for group in groups]
        whole = sum(precision.sum(axis=0) for precision, _, _, _ in solved)
        pull = sum(pull.sum(axis=0) for _, pull, _, _ in solved)
        misfit = sum(float(squares.sum()) for _, _, squares, _ in solved) - pull @ np.linalg.lstsq(whole, pull)[0]
        size = sum(float(logs.sum()) for _, _, _, logs in solved) + np.linalg.slogdet(whole)[1]
        return float(size + misfit)

    found = minimize(deviance, np.log(_START), method="L-BFGS-B", bounds=[(-_RANGE, _RANGE)] * len(_START))
    noise, *spreads = scale * np.exp(found.x)
    return float(noise), np.array(spreads)


def _solved(moments: _Moments, noise: float, spreads: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """X'V^-1 X, X'V^-1 y, y'V^-1 y and log det V of each individual, by Woodbury's identity.

    V = noise I + U D U', with U the design, X its first two columns, and D the diagonal of spreads.
    """
    width = moments.products.shape[-1]
    spread = np.concatenate([spreads[:2], np.full(width - 2, spreads[2])])
    mixed = noise * np.eye(width) + moments.squares * spread
    solved = np.linalg.solve(
        mixed, np.concatenate([moments.squares[..., :2], moments.products[..., None]], axis=-1)
    )
    pull = solved[..., 2].astype(np.float64)
    squares = (moments.total - (moments.products * spread * pull).sum(axis=-1)) / noise
    size = (moments.count - width) * math.log(noise) + np.linalg.slogdet(mixed)[1]
    return solved[..., :2, :2].astype(np.float64), pull[..., :2], squares, size
