"""Answers that are sure enough are accepted without a person; the others are left for review.

How sure is enough follows from the share of wrong names that the user tolerates, see
:mod:`hanzaki.matching.decision`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, DecisionError, SettingError
from hanzaki.fieldwork.identity.asking import (
    Question,
    hear,
    in_review_order,
    names_of,
    question_of,
    ready_matcher,
    unnamed,
)
from hanzaki.fieldwork.identity.batch import (
    Named,
    find_obstacles,
    named,
    probabilities,
    settle_newcomers,
    without,
    write,
)
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.identity.method import Method
from hanzaki.fieldwork.named import encounter_numbered
from hanzaki.fieldwork.progress import Progress, silent


@dataclass(frozen=True)
class Acceptance:
    """What is accepted, what that is expected to cost, and what is left for review.

    Attributes:
        rate: the share of wrong ones that is tolerated among the accepted, a fraction.
        named: encounters that are sure enough; known animals first, then new ones, animal by animal.
        review: the questions that are left, first what teaches most.
        known_above: the least probability with which a known individual is accepted; None if none is.
        new_above: the same of somebody new.
        false_matches: how many of the names of known animals are expected to be wrong.
        false_news: how many of the encounters with new animals are expected to be of known ones.
        missed_matches: how many encounters with known animals are expected among those that got no such name.
        models: by what animals were compared.
        prior_new: the probability that an animal is new, before it is looked at.
        calibrated: in words, what the probabilities rest on.
        skipped: encounters that could not be compared, with the reason.
        decision: the number of the decision that was written; None if nothing was.
    """

    rate: float
    named: tuple[Named, ...]
    review: tuple[Question, ...]
    known_above: float | None
    new_above: float | None
    false_matches: float
    false_news: float
    missed_matches: float
    models: tuple[str, ...]
    prior_new: float
    calibrated: str
    skipped: tuple[BadMedium, ...]
    decision: int | None = None

    @property
    def matches(self) -> tuple[Named, ...]:
        """The encounters with known animals."""
        return tuple(each for each in self.named if each.begun_by is None)

    @property
    def newcomers(self) -> tuple[tuple[Named, ...], ...]:
        """The encounters of each new animal."""
        found: dict[int, list[Named]] = {}
        for each in self.named:
            if each.begun_by is not None:
                found.setdefault(each.begun_by, []).append(each)
        return tuple(tuple(group) for group in found.values())


def accept(
    catalogue: Catalogue,
    method: Method,
    encounters: Sequence[int] = (),
    *,
    rate: float,
    apply: bool = False,
    progress: Progress = silent,
) -> Acceptance:
    """Name the encounters whose answer is sure enough; nothing is written unless it is applied.

    Two encounters with one new animal become one individual (:mod:`hanzaki.matching.newcomers`). All is written as
    one decision of the machine, which ``undo`` takes back as one. What was told of an animal and speaks against an
    answer (its sex, its origin) leaves the encounter for review, however sure the answer is.

    Args:
        catalogue: with named individuals.
        method: how animals are compared.
        encounters: these; without any, all of nobody known.
        rate: the share of wrong ones that is tolerated among the accepted, a fraction.
        apply: whether to write it.
        progress: told how far it is.

    Raises:
        CatalogueError: if there is no such encounter.
        DecisionError: if an encounter has a name already.
        SettingError: if the rate is no fraction.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    check_rate(rate)
    matcher, undescribed = ready_matcher(catalogue, method, progress)
    heard, skipped = hear(matcher, _asked(catalogue, matcher, encounters), progress=progress)
    settled = settle_newcomers(matcher, heard, rate, progress)
    obstacles = find_obstacles(catalogue, heard, settled)
    chosen = without(settled, obstacles)
    names = names_of(matcher)
    order = in_review_order(heard, settled.posteriors, np.flatnonzero(~chosen.accepted).tolist())
    found = Acceptance(
        rate=rate,
        named=_in_order(
            [named(heard, settled, names, place) for place in np.flatnonzero(chosen.accepted).tolist()]
        ),
        review=tuple(
            question_of(
                heard[place], names, settled.posteriors[place], settled.newcomers[place], obstacles.get(place)
            )
            for place in order
        ),
        known_above=_finite(chosen.known_above),
        new_above=_finite(chosen.new_above),
        false_matches=chosen.false_matches,
        false_news=chosen.false_news,
        missed_matches=chosen.missed_matches,
        models=method.names,
        prior_new=matcher.prior_new,
        calibrated=matcher.calibrated,
        skipped=(*undescribed, *skipped),
    )
    if not apply or not found.named:
        return found
    evidence = _evidence(found)
    written, decision = write(catalogue, found.named, evidence)
    return replace(found, named=written, decision=decision)


def check_rate(rate: float) -> None:
    """Refuse what is no tolerated rate.

    Raises:
        SettingError: if it is not in 0..1.
    """
    if not 0 <= rate <= 1:
        raise SettingError(
            f"a tolerated share of wrong names is from 0 to 1 (0.01 is one in a hundred), not {rate}"
        )


def _asked(catalogue: Catalogue, matcher: Matcher, encounters: Sequence[int]) -> list[int]:
    """The encounters to be named.

    Raises:
        DecisionError: if one has a name.
    """
    if not encounters:
        return unnamed(matcher)
    with catalogue.reading() as session:
        for number in encounters:
            meeting = encounter_numbered(session, number)
            if meeting.individual is not None:
                raise DecisionError(
                    f"encounter {number} is {meeting.individual.name} already; `hanzaki reidentify` asks "
                    "again what the machine named, and `hanzaki confirm` decides"
                )
    return list(dict.fromkeys(encounters))


def _in_order(accepted: Sequence[Named]) -> tuple[Named, ...]:
    """Known animals by name, then new ones by the encounter that begins each."""
    return tuple(sorted(accepted, key=lambda each: (each.begun_by or 0, each.individual or "", each.encounter)))


def _finite(threshold: float) -> float | None:
    return threshold if math.isfinite(threshold) else None


def _evidence(found: Acceptance) -> dict[str, Any]:
    return {
        "rate": found.rate,
        "models": list(found.models),
        "calibrated": found.calibrated,
        "prior_new": found.prior_new,
        "known_above": found.known_above,
        "new_above": found.new_above,
        "false_matches": found.false_matches,
        "false_news": found.false_news,
        "probabilities": probabilities(found.named),
    }
