"""Two meetings with one animal that nobody knew, in one batch: decided so that it becomes one individual, not two.

Each encounter's posterior speaks of the individuals that were known before the batch. Whoever is accepted as new
becomes an individual like them, so that the encounters still to be decided have one more to choose from. Those
whose being new is surest begin; each is first held against the newcomers before it. No sums over clusters are
taken: an encounter is compared with the one that began the newcomer, as it would be in the next batch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from hanzaki.matching.choice import NEW, Posterior
from hanzaki.matching.decision import Decisions, Truths, decide, weigh
from hanzaki.matching.odds import PairOdds

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Settled:
    """What is accepted of e encounters once newcomers count as individuals.

    Attributes:
        posteriors: of each encounter, over the individuals that it had and, after them, over newcomers.
        newcomers: of each encounter, the encounters that began those newcomers, in the order of its posterior.
        decisions: what is accepted. "Somebody new" is accepted only of encounters that begin a newcomer, and a
            newcomer only where its beginning is accepted.
    """

    posteriors: tuple[Posterior, ...]
    newcomers: tuple[tuple[int, ...], ...]
    decisions: Decisions

    def newcomer(self, place: int) -> int | None:
        """Which encounter began the newcomer that is an encounter's answer, itself perhaps; None if it is none."""
        answer = self.posteriors[place].answer
        if answer == NEW:
            return place
        known = len(self.posteriors[place].known) - len(self.newcomers[place])
        return None if answer < known else self.newcomers[place][answer - known]


def settle(
    posteriors: Sequence[Posterior],
    odds: PairOdds,
    rate: float,
    prior_new: float,
    bias: float = 0.0,
    partial: Truths | None = None,
) -> Settled:
    """Accept answers as :func:`hanzaki.matching.decision.decide` does, and find which newcomers are one animal.

    Args:
        posteriors: of each encounter, over the individuals known before.
        odds: log likelihood ratios, in nats, that two of the encounters are of one animal.
        rate: the tolerated share of wrong ones among the accepted, a fraction.
        prior_new: probability that an animal is new, as the posteriors have it.
        bias: of "somebody new", as the posteriors have it, in nats.
        partial: bool (e,), which encounters were compared with a part of the known animals only: they begin none.

    Raises:
        ValueError: if the rate is not in 0..1, or the odds are of another number of encounters.
    """
    if odds.items != len(posteriors):
        raise ValueError(f"{len(posteriors)} encounters, but log odds of {odds.items}")
    first = decide(posteriors, rate, partial)
    likeness = _Likeness(odds)
    offset = math.log1p(-prior_new) - math.log(prior_new) - bias

    def beside(place: int, newcomers: Sequence[int]) -> Posterior:
        return widened(posteriors[place], likeness.of(place, newcomers), offset)

    willing = [place for place in np.flatnonzero(first.accepted).tolist() if posteriors[place].answer == NEW]
    began: list[int] = []
    begins: dict[int, tuple[Posterior, tuple[int, ...]]] = {}
    for place in sorted(willing, key=lambda each: (-posteriors[each].new, each)):
        held = beside(place, began)
        if held.answer == NEW and held.new >= first.new_above:
            begins[place] = held, tuple(began)
            began.append(place)
    everybody = tuple(began)
    answers = [begins.get(place) or (beside(place, everybody), everybody) for place in range(len(posteriors))]
    found = [posterior for posterior, _ in answers]
    settled = Settled(tuple(found), tuple(newcomers for _, newcomers in answers), decide(found, rate, partial))
    return replace(settled, decisions=_grounded(settled, begins.keys()))


def widened(posterior: Posterior, ratios: Floats, offset: float) -> Posterior:
    """A posterior with more individuals to choose from, by the same rule as :mod:`hanzaki.matching.choice`.

    Args:
        posterior: over m individuals.
        ratios: (k,) log likelihood ratios, in nats, of the k that come after them.
        offset: log odds of "known" against "new" before the animal is looked at, less the bias of "new".
    """
    if not len(ratios):
        return posterior
    before, after = len(posterior.known), len(posterior.known) + len(ratios)
    with np.errstate(divide="ignore"):
        known = np.log(posterior.known) + math.log(max(before, 1) / after)  # the prior is shared by more
        new = np.log(posterior.new)
    logs = np.concatenate([known, new + offset - math.log(after) + ratios, [new]])
    shares = np.exp(logs - logsumexp(logs))
    return Posterior(shares[:-1], float(shares[-1]))


def _grounded(settled: Settled, begins: Collection[int]) -> Decisions:
    """Decisions without newcomers that nobody began, or whose beginning is not accepted."""
    decisions = settled.decisions
    starts = [settled.newcomer(place) for place in range(len(settled.posteriors))]
    accepted = decisions.accepted & np.array([start is None or start in begins for start in starts], bool)
    accepted &= np.array([start is None or accepted[start] for start in starts], bool)
    return weigh(settled.posteriors, accepted, decisions.known_above, decisions.new_above)


class _Likeness:
    """Log odds of pairs, found by their items."""

    def __init__(self, odds: PairOdds) -> None:
        self._absent = odds.absent
        pairs = map(tuple, odds.pairs.tolist())
        self._listed = dict(zip(pairs, odds.log_odds.tolist(), strict=True))

    def of(self, item: int, others: Sequence[int]) -> Floats:
        """Of an item with each of others: float64 (k,)."""
        pairs = ((min(item, other), max(item, other)) for other in others)
        return np.array([self._listed.get(pair, self._absent) for pair in pairs], np.float64)
