"""Whether a stranger is taken for a stranger: AUROC, and identification at fixed false-positive rates.

Every query has the score of its best candidate. It is *known* if its individual is in the gallery; known queries
should score high with the right individual first, unknown ones low. A query passes if its score lies strictly
above the threshold. Terms and definitions are the open-set (watch-list) ones of face recognition: Phillips,
Grother & Micheals 2011, Evaluation methods in face recognition (Handbook of Face Recognition, chapter 21); Grother
& Ngan 2014, NIST IR 8009, whose FPIR is our false-positive rate and whose FNIR at rank one is 1 minus our rate of
identification.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hanzaki.evaluation.resampling import (
    USUAL,
    Floats,
    Integers,
    Interval,
    Resampling,
    interval_of_rows,
    number_individuals,
    quotient,
)

Truths = npt.NDArray[np.bool_]

#: The false-positive rates at which identification is reported.
RATES = (0.01, 0.05, 0.1)

_ROUNDING = 1e-9  # 0.29 of 100 unknowns is 29 of them, though the product is a hair less


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold gives.

    Attributes:
        rate: the false-positive rate asked for.
        threshold: the score that a query must lie above.
        passed: the share of unknown queries that do, never more than ``rate``.
        identified: of known queries, the share that do and have the right individual first, with its interval.
    """

    rate: float
    threshold: float
    passed: float
    identified: Interval

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        threshold = self.threshold if math.isfinite(self.threshold) else None
        passed = self.passed if math.isfinite(self.passed) else None
        identified = self.identified.as_json()
        return {"rate": self.rate, "threshold": threshold, "passed": passed, "identified": identified}


@dataclass(frozen=True, eq=False)
class Curve:
    """ROC and DIR curve, for a figure: what every threshold gives.

    Attributes:
        thresholds: float64 (t,), descending, the last -inf.
        passed: (t,), share of unknown queries above each, the false-positive rate; x of both curves.
        detected: (t,), share of known queries above each; y of the ROC curve.
        identified: (t,), share of known queries above each with the right individual first; y of the DIR curve.
    """

    thresholds: Floats
    passed: Floats
    detected: Floats
    identified: Floats


@dataclass(frozen=True, eq=False)
class OpenSet:
    """How well strangers are told from the known.

    Attributes:
        known: queries whose individual is in the gallery.
        unknown: queries whose individual is not.
        individuals: how many individuals the queries are of.
        auroc: how surely a known query scores above an unknown one.
        first: of known queries, the share with the right individual first, at any score (closed-set top-1).
        points: identification at fixed false-positive rates.
        curve: identification at all.
    """

    known: int
    unknown: int
    individuals: int
    auroc: Interval
    first: Interval
    points: tuple[OperatingPoint, ...]
    curve: Curve

    def as_json(self) -> dict[str, Any]:
        """All but the curve, as numbers that JSON takes."""
        return {
            "known": self.known,
            "unknown": self.unknown,
            "individuals": self.individuals,
            "auroc": self.auroc.as_json(),
            "first": self.first.as_json(),
            "points": [point.as_json() for point in self.points],
        }


def judge_open_set(
    scores: Floats,
    known: Truths,
    right: Truths,
    individuals: Sequence[Hashable],
    rates: Sequence[float] = RATES,
    resampling: Resampling = USUAL,
) -> OpenSet:
    """Measure how strangers are told from the known, with intervals by individual.

    Each resample draws known and unknown individuals together and finds its own threshold, so that the intervals
    hold the doubt about the threshold too. Where a rate leaves room for less than a handful of unknown queries,
    the threshold hangs on the highest few of them, and no bootstrap knows how much higher others would have
    scored.

    Args:
        scores: (n,) of each query's best candidate, high = alike; -inf where it had no candidate.
        known: bool (n,), whether the query's individual is in the gallery.
        right: bool (n,), whether the best candidate is that individual.
        individuals: whom each query is of.
        rates: false-positive rates, as fractions.
        resampling: how animals are drawn.

    Raises:
        ValueError: if lengths differ, a score is NaN or +inf, an unknown query is right, or a rate is not in 0..1.
    """
    check_open_set(scores, known, right)
    member, count = number_individuals(individuals)
    if len(member) != len(scores):
        raise ValueError(f"{len(scores)} queries, but {len(member)} individuals")

    def statistic(rows: Integers) -> Floats:
        return open_set_measures(scores[rows], known[rows], right[rows], rates)

    auroc_interval, first, *identified = interval_of_rows(individuals, statistic, resampling)
    thresholds = [threshold_at(scores[~known], rate) for rate in rates]
    return OpenSet(
        known=int(known.sum()),
        unknown=int((~known).sum()),
        individuals=count,
        auroc=auroc_interval,
        first=first,
        points=tuple(
            OperatingPoint(rate, threshold, _share_above(scores[~known], threshold), interval)
            for rate, threshold, interval in zip(rates, thresholds, identified, strict=True)
        ),
        curve=open_set_curve(scores, known, right),
    )


def open_set_measures(scores: Floats, known: Truths, right: Truths, rates: Sequence[float] = RATES) -> Floats:
    """AUROC, closed-set top-1, then the rate of identification at each false-positive rate: (2 + len(rates),)."""
    unknown, known_count = scores[~known], int(known.sum())
    first = float(quotient(right.sum(), known_count))
    identified = [identification_rate(scores, known, right, threshold_at(unknown, rate)) for rate in rates]
    return np.array([auroc(scores, known), first, *identified])


def auroc(scores: Floats, known: Truths) -> float:
    """Area under the ROC curve: the chance that a known query scores above an unknown one, ties counting half.

    By midranks, as the Mann-Whitney statistic (Hanley & McNeil 1982, The meaning and use of the area under a
    receiver operating characteristic curve).

    Args:
        scores: (n,) of each query's best candidate.
        known: bool (n,).

    Returns:
        From 0 to 1; NaN if no query is known or none unknown.
    """
    above = int(known.sum())
    below = len(known) - above
    if not above or not below:
        return math.nan
    return float((rankdata(scores)[known].sum() - above * (above + 1) / 2) / (above * below))


def threshold_at(unknown: Floats, rate: float) -> float:
    """The lowest threshold that no more than a given share of unknown queries pass.

    Of m unknown queries at most ``k = floor(rate * m)`` may pass; the threshold is the (k+1)-th highest of their
    scores, and whoever ties with it does not pass. That is conservative in the sample: the share that does pass is
    at most ``rate``, and may be less. With fewer than 1 / rate unknown queries it is the highest of them, and of
    new strangers one in m + 1 is then to be expected above it, whatever the rate asked for.

    Args:
        unknown: (m,) scores of unknown queries.
        rate: false-positive rate, a fraction.

    Returns:
        The threshold; -inf if all may pass, NaN if there are no unknown queries.

    Raises:
        ValueError: if the rate is not in 0..1.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a false-positive rate is a fraction from 0 to 1, not {rate}")
    if not len(unknown):
        return math.nan
    place = len(unknown) - 1 - math.floor(rate * len(unknown) + _ROUNDING)
    return -math.inf if place < 0 else float(np.partition(unknown, place)[place])


def identification_rate(scores: Floats, known: Truths, right: Truths, threshold: float) -> float:
    """Of known queries, the share above the threshold with the right individual first (DIR at rank one).

    Args:
        scores: (n,) of each query's best candidate.
        known: bool (n,).
        right: bool (n,).
        threshold: as :func:`threshold_at` gives it.

    Returns:
        From 0 to 1; NaN if no query is known, or the threshold is NaN.
    """
    if math.isnan(threshold):
        return math.nan
    return float(quotient(np.count_nonzero(right & (scores > threshold)), np.count_nonzero(known)))


def open_set_curve(scores: Floats, known: Truths, right: Truths) -> Curve:
    """What every threshold gives, from the highest score, which nobody lies above, to -inf.

    Args:
        scores: (n,) of each query's best candidate.
        known: bool (n,).
        right: bool (n,).

    Returns:
        As many points as there are different scores, and one; a share of nobody is NaN.
    """
    levels = np.unique(scores)[::-1]
    thresholds = np.append(levels[levels > -np.inf], -np.inf)
    total = int(known.sum())
    return Curve(
        thresholds=thresholds,
        passed=quotient(_count_above(scores[~known], thresholds), len(known) - total),
        detected=quotient(_count_above(scores[known], thresholds), total),
        identified=quotient(_count_above(scores[right], thresholds), total),
    )


def ranks(scores: Floats) -> Floats:
    """A model's scores as ranks among its own, on one scale with another model's: (n,), over 0 and up to 1.

    Order and ties stay, so that nothing in this file changes by it; -inf stays too.
    """
    return np.where(scores > -np.inf, rankdata(scores) / max(1, len(scores)), -np.inf)


def check_open_set(scores: Floats, known: Truths, right: Truths) -> None:
    """Refuse what cannot be judged.

    Raises:
        ValueError: if lengths differ, a score is NaN or +inf, or an unknown query is right.
    """
    if not len(scores) == len(known) == len(right):
        raise ValueError(f"columns of different lengths: {len(scores)}, {len(known)}, {len(right)}")
    if (np.isnan(scores) | (scores == np.inf)).any():
        raise ValueError("a score is NaN or +inf")
    if (right & ~known).any():
        raise ValueError("a query whose individual is not in the gallery cannot have it as its best candidate")


def _count_above(scores: Floats, thresholds: Floats) -> Integers:
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="right")


def _share_above(scores: Floats, threshold: float) -> float:
    return float(quotient(np.count_nonzero(scores > threshold), len(scores)))
