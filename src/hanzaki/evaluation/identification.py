"""Whether "it is this animal, with so much probability" and "it is somebody new" are true.

Every encounter is asked once with its individual in the gallery and once with it left out; see
:class:`hanzaki.matching.choice.Case`. Nothing is judged by what it was fitted to: a fusion that judges an animal
is fitted to others (:func:`cross_fitted`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from hanzaki.evaluation.calibration import Calibration, calibration_error, judge_calibration
from hanzaki.evaluation.openset import auroc, identification_rate, threshold_at
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
from hanzaki.matching.choice import NEW, PRIOR_NEW, Case, Fusion, Posterior

#: The false-match rates at which correct decisions are reported.
RATES = (0.01, 0.05)

#: Into how many parts animals are cut, to be judged by what was fitted to the other parts.
FOLDS = 5

Fit = Callable[[Sequence[Case]], Fusion]


@dataclass(frozen=True)
class Identified:
    """How good posteriors are, with intervals by individual.

    Attributes:
        known: how many cases have their individual in the gallery.
        new: how many have not.
        individuals: how many individuals they are of.
        first: of known cases, the share whose individual is the likeliest of the known (top-1).
        right: the share of all cases whose likeliest answer, "somebody new" among them, is the truth.
        auroc: how surely a known case is given a lower probability of somebody new than a new one.
        correct: at each of the false-match rates, the share of known cases that are named rightly, with the
            probability that so many new cases pass.
        calibration: of the likeliest answer, "somebody new" among them.
        error_by_chance: the calibration error (``ece``) that so many cases would show on average if every one of
            these probabilities were exactly true.
    """

    known: int
    new: int
    individuals: int
    first: Interval
    right: Interval
    auroc: Interval
    correct: dict[float, Interval]
    calibration: Calibration
    error_by_chance: float

    def as_json(self) -> dict[str, Any]:
        """All of it, as numbers that JSON takes."""
        return {
            "known": self.known,
            "new": self.new,
            "individuals": self.individuals,
            "first": self.first.as_json(),
            "right": self.right.as_json(),
            "auroc": self.auroc.as_json(),
            "correct": {str(rate): interval.as_json() for rate, interval in self.correct.items()},
            "calibration": self.calibration.as_json(),
            "error_by_chance": self.error_by_chance,
        }


def judge_identification(
    posteriors: Sequence[Posterior],
    truths: Sequence[int],
    individuals: Sequence[Hashable],
    rates: Sequence[float] = RATES,
    resampling: Resampling = USUAL,
) -> Identified:
    """Measure posteriors, with intervals by individual.

    Args:
        posteriors: one a case.
        truths: the place of the right individual, or ``NEW``.
        individuals: whom each case shows.
        rates: false-match rates, as fractions.
        resampling: how animals are drawn.

    Raises:
        ValueError: if lengths differ, or there are no cases.
    """
    if not len(posteriors) == len(truths) == len(individuals):
        raise ValueError(f"{len(posteriors)} posteriors, {len(truths)} truths, {len(individuals)} individuals")
    truth = np.array(truths, np.intp)
    known = truth != NEW
    best = np.array([posterior.known.max(initial=0) for posterior in posteriors])
    new = np.array([posterior.new for posterior in posteriors])
    first = known & (np.array([posterior.best for posterior in posteriors]) == truth)
    right = np.array([posterior.answer for posterior in posteriors]) == truth
    confidence = np.array([posterior.confidence for posterior in posteriors])

    def statistic(rows: Integers) -> Floats:
        return _measures(best[rows], new[rows], known[rows], first[rows], right[rows], rates)

    top, answered, area, *correct = interval_of_rows(individuals, statistic, resampling)
    return Identified(
        known=int(known.sum()),
        new=int((~known).sum()),
        individuals=number_individuals(individuals)[1],
        first=top,
        right=answered,
        auroc=area,
        correct=dict(zip(rates, correct, strict=True)),
        calibration=judge_calibration(confidence, right, individuals, resampling=resampling),
        error_by_chance=error_by_chance(confidence),
    )


def error_by_chance(confidence: Floats, draws: int = 200, seed: int = 0) -> float:
    """The mean calibration error of answers that are right exactly as often as their confidence says.

    The error is never negative, so that few cases show one without there being any (Bröcker & Smith 2007,
    Increasing the reliability of reliability diagrams); what is measured is to be read beside this. Cases are
    drawn one by one: those of one animal hang together, and chance does more than this.
    """
    rng = np.random.default_rng(seed)
    return float(
        np.mean([calibration_error(confidence, rng.random(len(confidence)) < confidence) for _ in range(draws)])
    )


def cross_fitted(
    cases: Sequence[Case],
    fit: Fit = Fusion.fit,
    folds: int = FOLDS,
    seed: int = 0,
    prior_new: float = PRIOR_NEW,
    periods: Sequence[Hashable] | None = None,
) -> list[Posterior]:
    """The posterior of each case, by a fusion that was fitted to the cases of other individuals.

    Args:
        cases: of several individuals.
        fit: makes a fusion of cases.
        folds: into how many parts individuals are cut.
        seed: of the cut.
        prior_new: that an animal is new.
        periods: of each case, when it was met: then a fusion was not fitted to cases of the same period either.

    Raises:
        ValueError: if there are fewer individuals than folds, or a fusion cannot be fitted.
    """
    part = folds_of_individuals([case.individual for case in cases], folds, seed)
    when, periods_there = number_individuals(periods if periods is not None else [None] * len(cases))
    posteriors: dict[int, Posterior] = {}
    for fold, period in product(range(folds), range(periods_there)):
        elsewhere = (part != fold) & ((when != period) | (periods is None))
        fusion = fit([cases[row] for row in np.flatnonzero(elsewhere).tolist()])
        for row in np.flatnonzero((part == fold) & (when == period)).tolist():
            posteriors[row] = fusion.posterior(cases[row].scores, prior_new)
    return [posteriors[row] for row in range(len(cases))]


def folds_of_individuals(individuals: Sequence[Hashable], folds: int, seed: int = 0) -> npt.NDArray[np.intp]:
    """Cut individuals by lot into parts of about equal numbers: (n,) the part of each row.

    Raises:
        ValueError: if there are fewer individuals than parts, or fewer than two parts.
    """
    member, count = number_individuals(individuals)
    if not 2 <= folds <= count:
        raise ValueError(f"{count} individuals cannot be cut into {folds} parts")
    lots = np.empty(count, np.intp)
    lots[np.random.default_rng(seed).permutation(count)] = np.arange(count) % folds
    return np.asarray(lots[member], np.intp)


def _measures(
    best: Floats,
    new: Floats,
    known: npt.NDArray[np.bool_],
    first: npt.NDArray[np.bool_],
    right: npt.NDArray[np.bool_],
    rates: Sequence[float],
) -> Floats:
    shares = quotient([first.sum(), right.sum()], [known.sum(), len(known)])
    at_rates = [identification_rate(best, known, first, threshold_at(best[~known], rate)) for rate in rates]
    return np.array([*shares, auroc(-new, known), *at_rates])
