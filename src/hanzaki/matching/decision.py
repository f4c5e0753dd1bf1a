"""What is done with an answer: accepted as it stands, or reviewed by a person, and in which order.

A user says which share of false matches is tolerated among the encounters that are given a name without review. As
the posterior is calibrated, the share to be expected of any set of answers is the mean of what they lack to
certainty, so that the largest set is accepted whose mean stays within the rate (Müller, Parmigiani, Robert &
Rousseau 2004, Optimal sample size for multiple testing, section 2, the posterior expected false discovery rate).
"Somebody new" is an answer like any other, and held to the same rate by itself: a known animal taken for a new one
counts it twice, as a stranger taken for a known one counts it never.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanzaki.matching.choice import NEW, Posterior

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

_ROUNDING = 1e-12  # of a mean that is exactly the rate


@dataclass(frozen=True, eq=False)
class Decisions:
    """What is accepted of e encounters, and what that is expected to cost.

    Attributes:
        accepted: bool (e,); the others are to be reviewed.
        review: places of those, in the order in which an answer teaches most.
        known_above: the least probability with which a known individual was accepted; inf if none was.
        new_above: the same of "somebody new".
        false_matches: how many of the accepted names are expected to be wrong.
        false_news: how many accepted new animals are expected to be known ones.
        missed_matches: how many encounters with known animals are expected among those not given a name.
    """

    accepted: Truths
    review: tuple[int, ...]
    known_above: float
    new_above: float
    false_matches: float
    false_news: float
    missed_matches: float


def decide(posteriors: Sequence[Posterior], rate: float, partial: Truths | None = None) -> Decisions:
    """Accept as many answers as a tolerated rate of false matches allows; the others go to review.

    Args:
        posteriors: of each encounter.
        rate: the tolerated share of wrong ones among the accepted, a fraction; 0 accepts only certainty.
        partial: bool (e,), whether an encounter was compared with a part of the known animals only. That it is
            none of these does not make it new: such an answer goes to review, and counts for no threshold.

    Raises:
        ValueError: if the rate is not in 0..1.
    """
    confidences = np.array([posterior.confidence for posterior in posteriors], np.float64)
    new = _answers_new(posteriors)
    open_ = np.zeros(len(new), bool) if partial is None else new & partial
    known_above, new_above = (
        acceptance_threshold(confidences[group], rate) if group.any() else math.inf
        for group in (~new, new & ~open_)
    )
    accepted = (confidences >= np.where(new, new_above, known_above)) & ~open_
    return weigh(posteriors, accepted, known_above, new_above)


def weigh(posteriors: Sequence[Posterior], accepted: Truths, known_above: float, new_above: float) -> Decisions:
    """What it is expected to cost to accept some answers.

    Args:
        posteriors: of each encounter.
        accepted: bool (e,), whose answers are accepted.
        known_above: the least probability with which a known individual may be accepted.
        new_above: the same of "somebody new".
    """
    confidences = np.array([posterior.confidence for posterior in posteriors], np.float64)
    known = 1 - np.array([posterior.new for posterior in posteriors], np.float64)
    new = _answers_new(posteriors)
    named = accepted & ~new
    return Decisions(
        accepted=accepted,
        review=tuple(review_order(posteriors, np.flatnonzero(~accepted))),
        known_above=known_above,
        new_above=new_above,
        false_matches=float((1 - confidences[named]).sum()),
        false_news=float((1 - confidences[accepted & new]).sum()),
        missed_matches=float(known[~named].sum()),
    )


def acceptance_threshold(confidences: Floats, rate: float) -> float:
    """The lowest confidence such that answers at least as sure are expected to be wrong at most so often.

    Args:
        confidences: (n,) calibrated probabilities that the answers are right.
        rate: the tolerated share of wrong ones among the accepted.

    Returns:
        A threshold to be reached; inf if not even the surest may pass.

    Raises:
        ValueError: if the rate is not in 0..1.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a tolerated rate of false matches is a fraction from 0 to 1, not {rate}")
    ordered = np.sort(confidences)[::-1]
    expected = np.cumsum(1 - ordered) / np.arange(1, len(ordered) + 1)
    last = np.append(ordered[1:] < ordered[:-1], True)  # those that tie pass together
    passing = np.flatnonzero((expected <= rate + _ROUNDING) & last)
    return float(ordered[passing[-1]]) if len(passing) else math.inf


def review_order(posteriors: Sequence[Posterior], places: Sequence[int] | npt.NDArray[np.intp]) -> list[int]:
    """Encounters in the order in which a person's answer teaches most.

    First comes whose answer is least known: the entropy of the posterior is the information that a full answer is
    expected to give. Of equals, that for which one yes or no settles most: whether it is the likeliest answer.

    Args:
        posteriors: of each encounter.
        places: which of them are to be ordered.
    """
    return sorted(
        (int(place) for place in places),
        key=lambda place: (-posteriors[place].entropy, -settled(posteriors[place]), place),
    )


def settled(posterior: Posterior) -> float:
    """The information, in bits, of one question: is it the likeliest answer, yes or no?"""
    share = min(max(posterior.confidence, 0.0), 1.0)
    return -sum(part * math.log2(part) for part in (share, 1 - share) if part > 0)


def _answers_new(posteriors: Sequence[Posterior]) -> Truths:
    return np.array([posterior.answer == NEW for posterior in posteriors], bool)
