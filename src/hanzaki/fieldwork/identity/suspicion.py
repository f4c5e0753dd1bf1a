r"""Names that are probably wrong, from the odds of a catalogue's encounters, learnt without trusting those names.

:mod:`hanzaki.matching.mistakes` weighs two individuals as one and one as two, if odds are such that they may be
summed. Four things bring them there:

- how far sums are to be trusted is learnt from other individuals (cross-fitting: Chernozhukov et al. 2018, Double
  machine learning, section 3), without those that look most like mistakes (trimmed likelihood: Hadi & Luceño
  1997, Maximum trimmed likelihood);
- among what is learnt from (every split, every two strangers) mistakes are not as rare as they are. The log odds
  are shifted to the share of wrong names that is believed (prior correction: King & Zeng 2001, Logistic regression
  in rare events data, section 4.1);
- encounters of one individual repeat each other, the more so the weaker the evidence. Between their sum and their
  mean that power is taken which makes all names together the likeliest;
- left flanks say nothing of right ones: such pairs count nothing, neither here nor there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hanzaki.matching.constraints import Constraint
from hanzaki.matching.mistakes import ProbablyOne, ProbablyTwo, find_one_as_two, find_two_as_one
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.tempering import Tempering, fit_tempering

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

#: The share of encounters that are believed to have a wrong name, before anything is looked at.
WRONG = 0.05

#: False alarms that a list may be expected to hold.
TOLERATED = 0.1

#: Folds of individuals, each judged by what the others teach.
FOLDS = 6

_ROUNDS = 2  # of learning without what looked like a mistake the round before
_SPLITS = 31  # of an individual, by which fit_tempering learns at most
_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)  # from the sum of what an individual's encounters say to their mean

Found = TypeVar("Found", ProbablyOne, ProbablyTwo)


@dataclass(frozen=True)
class Suspicions:
    """What is probably wrong, the most probable first.

    Attributes:
        ones: two individuals who are probably one.
        twos: individuals who are probably two.
        learnt_from: how many individuals told how far sums of odds can be trusted.
    """

    ones: tuple[ProbablyOne, ...]
    twos: tuple[ProbablyTwo, ...]
    learnt_from: int


def suspect(
    odds: PairOdds,
    individuals: Sequence[Hashable],
    flanks: Truths,
    constraints: Sequence[Constraint] = (),
    *,
    wrong: float = WRONG,
    tolerated: float = TOLERATED,
    folds: int = FOLDS,
) -> Suspicions:
    """Find individuals who are probably one, or probably two.

    Args:
        odds: log likelihood ratios of n encounters.
        individuals: (n,) whom each is said to show.
        flanks: bool (n, 2), whether an encounter has pictures that can be compared with left ones, and with right
            ones; both, if they are neither. An encounter of a left flank is never held against one of a right.
        constraints: what people decided; see :class:`~hanzaki.matching.constraints.Constraint`.
        wrong: the share of encounters that is believed to have a wrong name, above 0 and at most a half.
        tolerated: each of the two lists ends before its expected share of false alarms is larger.
        folds: in how many parts individuals are judged by what the others teach; 1 = by what all teach.

    Raises:
        ValueError: if lengths differ or a share is none.
    """
    if not 0 < wrong <= 0.5:
        raise ValueError(f"the share of wrong names lies above 0 and is at most a half, not {wrong}")
    if not len(individuals) == len(flanks) == odds.items:
        raise ValueError(f"{odds.items} encounters, but {len(individuals)} individuals, {len(flanks)} flanks")
    catalogue = _Catalogue.of(odds, individuals, flanks)
    trusted = _Trust(catalogue, wrong, constraints, folds)
    ones, twos = trusted.ones(), trusted.twos()
    return Suspicions(_listed(ones, tolerated), _listed(twos, tolerated), catalogue.met_again)


@dataclass(frozen=True, eq=False)
class _Catalogue:
    """Encounters under their names, with all pairs that matter: of one individual, or of two who were compared.

    Attributes:
        names: the individuals, in order.
        member: int64 (n,), of each encounter its individual's place.
        flanks: bool (n, 2).
        pairs: int64 (m, 2), comparable pairs, the lower number first.
        log_odds: float64 (m,).
        within: bool (m,), whether a pair is of one individual.
        repeats: float64 (m,), how many pairs like it there are: the geometric mean of both ends' partners.
    """

    names: list[Hashable]
    member: Integers
    flanks: Truths
    pairs: Integers
    log_odds: Floats
    within: Truths
    repeats: Floats

    @classmethod
    def of(cls, odds: PairOdds, individuals: Sequence[Hashable], flanks: Truths) -> _Catalogue:
        names = sorted(set(individuals), key=str)
        number = {name: place for place, name in enumerate(names)}
        member = np.array([number[name] for name in individuals], np.int64)
        pairs = _pairs_that_matter(odds, member, len(names))
        pairs = pairs[(flanks[pairs[:, 0]] & flanks[pairs[:, 1]]).any(axis=1)]
        log_odds = np.full(len(pairs), odds.absent)
        keys, listed = (each @ np.array([odds.items, 1]) for each in (pairs, odds.pairs))
        places = np.minimum(np.searchsorted(listed, keys), max(len(listed) - 1, 0))
        known = listed[places] == keys if len(listed) else np.zeros(len(keys), bool)
        log_odds[known] = odds.log_odds[places[known]]
        ends, size = member[pairs], np.bincount(member, minlength=len(names))
        within = ends[:, 0] == ends[:, 1]
        partners = np.maximum(size[ends[:, ::-1]] - within[:, None], 1)
        return cls(names, member, flanks, pairs, log_odds, within, np.sqrt(partners.prod(axis=1)))

    @property
    def met_again(self) -> int:
        """How many individuals have more than one encounter."""
        return int((np.bincount(self.member, minlength=1) > 1).sum())

    def added_up(self, power: float) -> Floats:
        """Log odds to be summed: as they are (power 0), or so that an encounter's partners have one voice (1)."""
        return self.log_odds * self.repeats**-power


class _Trust:
    """What of a catalogue's sums is to be believed of each individual, learnt from others."""

    def __init__(self, catalogue: _Catalogue, wrong: float, constraints: Sequence[Constraint], folds: int) -> None:
        self._catalogue, self._wrong, self._constraints, self._folds = catalogue, wrong, constraints, folds
        self._fold = np.arange(len(catalogue.names)) % folds
        ends = np.sort(catalogue.member[catalogue.pairs[~catalogue.within]], axis=1)
        self._strangers = max(1, len(np.unique(ends, axis=0)))
        self._left_out = np.zeros(len(catalogue.names), bool)
        for _ in range(_ROUNDS):
            learnt = min(
                (_learnt(catalogue, power, ~self._left_out) for power in _POWERS), key=lambda each: each.loss
            )
            self._power = learnt.power
            self._left_out = self._likest_mistakes(learnt)

    def ones(self) -> list[ProbablyOne]:
        """All who were compared, each two judged by what others teach."""
        folds = self._fold[self._catalogue.member[self._catalogue.pairs]]
        found: list[ProbablyOne] = []
        for one, other in combinations_with_replacement(range(self._folds), 2):
            here = ~self._catalogue.within & (np.sort(folds, axis=1) == (one, other)).all(axis=1)
            found += self._merges(here, self._learnt({one, other}))
        return found

    def twos(self) -> list[ProbablyTwo]:
        """All who were met again, each judged by what others teach."""
        found: list[ProbablyTwo] = []
        for fold in range(self._folds):
            here = self._fold == fold
            found += self._splits(here, self._learnt({fold}))
        return found

    def _learnt(self, without: set[int]) -> _Learnt:
        """What the other folds teach."""
        judged = np.isin(self._fold, list(without)) & (self._folds > 1)
        return _learnt(self._catalogue, self._power, ~(self._left_out | judged))

    def _likest_mistakes(self, learnt: _Learnt) -> Truths:
        """Who looks so like a mistake that nobody should learn from them: as many as are believed wrong."""
        many = max(1, round(self._wrong * len(self._catalogue.member) / 2))
        merges = _ordered(self._merges(~self._catalogue.within, learnt))[:many]
        splits = _ordered(self._splits(np.ones(len(self._catalogue.names), bool), learnt))[:many]
        names = {name for merge in merges for name in merge.individuals} | {each.individual for each in splits}
        return np.array([name in names for name in self._catalogue.names], bool)

    def _merges(self, here: Truths, learnt: _Learnt) -> Sequence[ProbablyOne]:
        known = self._catalogue
        odds = learnt.applied(known, here)
        rate = self._wrong * len(known.member) / 2 / self._strangers
        ends = np.sort(known.member[known.pairs[here]], axis=1)
        asked = {(int(one), int(other)) for one, other in np.unique(ends, axis=0)}
        words = self._words(asked)
        names = [known.names[place] for place in known.member]
        return find_one_as_two(odds, names, words, _logit(rate) - learnt.rarity, 1.0)

    def _splits(self, asked: Truths, learnt: _Learnt) -> Sequence[ProbablyTwo]:
        known = self._catalogue
        here = known.within & asked[known.member[known.pairs[:, 0]]]
        names = [known.names[place] if asked[place] else None for place in known.member]
        size = np.bincount(known.member, minlength=len(known.names))
        rate = self._wrong * len(known.member) / 2 / max(1, known.met_again)
        ways = max(1.0, float(size[size > 1].mean())) if known.met_again else 1.0
        words = self._words({(place, place) for place in np.flatnonzero(asked).tolist()})
        prior = _logit(min(rate, 0.5)) - np.log(ways) + learnt.rarity
        return find_two_as_one(learnt.applied(known, here), names, words, prior, 1.0)

    def _words(self, asked: set[tuple[int, int]]) -> list[Constraint]:
        """People's decisions on encounters of these individuals."""
        member = self._catalogue.member
        ends = ((each, sorted((int(member[each.first]), int(member[each.second])))) for each in self._constraints)
        return [each for each, (one, other) in ends if (one, other) in asked]


@dataclass(frozen=True)
class _Learnt:
    """What some individuals taught.

    Attributes:
        tempering: how far sums can be trusted.
        rarity: log odds of one individual against two, in what it was learnt from.
        power: how repeated encounters were added up.
        loss: minus the log likelihood that this gives the names it was learnt from.
    """

    tempering: Tempering
    rarity: float
    power: float
    loss: float

    def applied(self, known: _Catalogue, here: Truths) -> PairOdds:
        """The log odds of some pairs, fit to be summed; all others count nothing."""
        values = self.tempering.trust * known.added_up(self.power)[here] + self.tempering.shift
        return PairOdds.listed(len(known.member), known.pairs[here, 0], known.pairs[here, 1], values)


def _learnt(known: _Catalogue, power: float, among: Truths) -> _Learnt:
    """What these individuals teach; flank by flank, so that all that is said of an individual can be compared."""
    views = known.flanks.T if (known.flanks[:, 0] != known.flanks[:, 1]).any() else known.flanks.T[:1]
    values = known.added_up(power)
    names: list[tuple[int, int]] = []
    parts = []
    for view, shown in enumerate(views):
        items = np.flatnonzero(shown & among[known.member])
        number = np.full(len(known.member), -1, np.int64)
        number[items] = len(names) + np.arange(len(items))
        names += [(view, place) for place in known.member[items].tolist()]
        pairs = number[known.pairs]
        there = (pairs >= 0).all(axis=1)
        parts.append((pairs[there], values[there]))
    pairs, log_odds = (np.concatenate(part) for part in zip(*parts, strict=True))
    if not len(pairs):
        return _Learnt(Tempering(1.0, 0.0, 0), 0.0, power, 0.0)
    tempering = fit_tempering(PairOdds.listed(len(names), pairs[:, 0], pairs[:, 1], log_odds), names)
    number_of = {name: place for place, name in enumerate(dict.fromkeys(names))}
    member = np.array([number_of[name] for name in names], np.int64)
    ends = np.sort(member[pairs], axis=1)
    strangers = len(np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0))
    sizes = np.minimum(np.bincount(member), 6)
    splits = int(np.minimum(2 ** (sizes - 1) - 1, _SPLITS).sum())
    loss = _loss(member, pairs, tempering.trust * log_odds + tempering.shift)
    return _Learnt(tempering, float(np.log(max(1, splits) / max(1, strangers))), power, loss)


def _loss(member: Integers, pairs: Integers, log_odds: Floats) -> float:
    """Minus the log likelihood that encounters are of the rest of their individual, and two strangers not one."""
    ends = np.sort(member[pairs], axis=1)
    within = ends[:, 0] == ends[:, 1]
    own = np.bincount(pairs[within].ravel(), np.repeat(log_odds[within], 2), len(member))
    _, place = np.unique(ends[~within], axis=0, return_inverse=True)
    between = np.bincount(place.ravel(), log_odds[~within])
    met_again = np.bincount(member)[member] > 1
    return float(np.logaddexp(0, -own[met_again]).sum() + np.logaddexp(0, between).sum())


def _pairs_that_matter(odds: PairOdds, member: Integers, count: int) -> Integers:
    """All pairs of encounters of one individual, and of two of whom any were compared: (m, 2), in order."""
    order = np.argsort(member, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(member, minlength=count))[:-1]) if count else []
    ends = np.sort(member[odds.pairs], axis=1)
    parts = [np.zeros((0, 2), np.int64)]
    for one, other in np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0):
        parts.append(np.stack([part.ravel() for part in np.meshgrid(groups[one], groups[other])], axis=1))
    parts += [group[np.stack(np.triu_indices(len(group), 1), axis=1)] for group in groups]
    pairs = np.sort(np.concatenate(parts), axis=1)
    return np.asarray(pairs[np.lexsort(pairs.T[::-1])], np.int64)


def _listed(found: Iterable[Found], tolerated: float) -> tuple[Found, ...]:
    """In order, to where the expected share of false alarms passes what is tolerated; see ``mistakes``."""
    if not 0 <= tolerated <= 1:
        raise ValueError(f"a tolerated share of false alarms is from 0 to 1, not {tolerated}")
    kept: list[Found] = []
    alarms = 0.0
    for number, one in enumerate(_ordered(found), start=1):
        alarms += 1 - one.probability
        if alarms > tolerated * number:
            break
        kept.append(replace(one, false_alarms=alarms / number))
    return tuple(kept)


def _ordered(found: Iterable[Found]) -> list[Found]:
    def place(one: Found) -> tuple[float, float, str]:
        name = one.individuals if isinstance(one, ProbablyOne) else one.individual
        return -one.probability, -one.log_odds, str(name)

    return sorted(found, key=place)


def _logit(rate: float) -> float:
    return float(np.log(rate) - np.log1p(-min(rate, 0.5)))
