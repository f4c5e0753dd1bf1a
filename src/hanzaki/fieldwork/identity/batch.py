"""A batch of encounters named by the machine: which are sure enough, what speaks against it, how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from hanzaki.catalogue import decisions
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Encounter, Individual
from hanzaki.fieldwork.identity.asking import Heard
from hanzaki.fieldwork.identity.matcher import Matcher
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.matching.choice import NEW
from hanzaki.matching.decision import Decisions, decide, weigh
from hanzaki.matching.newcomers import Settled, settle
from hanzaki.matching.odds import PairOdds
from hanzaki.settings import who

_COHORT = 30  # encounters that a pair must stand out from


@dataclass(frozen=True)
class Named:
    """An encounter that is sure enough to be named.

    Attributes:
        encounter: its number.
        individual: the name; None of a new animal that has none yet.
        probability: that this is right.
        begun_by: of a new animal, the encounter that shows it first, perhaps this one; None of a known one.
        asked: the number of the picture that is most like the individual; None where there is nobody to be like.
        beside: and of the individual's picture that it is like.
        individual_id: the individual's number in the catalogue.
        before_id: the number of whoever the encounter was of until now; None of nobody.
    """

    encounter: int
    individual: str | None
    probability: float
    begun_by: int | None
    asked: int | None
    beside: int | None
    individual_id: int | None
    before_id: int | None = None


def settle_newcomers(
    matcher: Matcher, heard: Sequence[Heard], rate: float, progress: Progress = silent
) -> Settled:
    """Accept what is sure enough, newcomers of the batch among it.

    Args:
        matcher: that knows the animals.
        heard: what it says of each encounter by itself.
        rate: the tolerated share of wrong ones.
        progress: told how far it is.
    """
    posteriors = [each.posterior for each in heard]
    partial = np.array([each.unheard is not None for each in heard], bool)
    first = decide(posteriors, rate, partial)
    new = np.array([posterior.answer == NEW for posterior in posteriors], bool)
    open_ = np.flatnonzero(~first.accepted | new)
    odds = PairOdds.listed(len(heard), [], [], [])
    if len(open_) > 1 and (first.accepted & new).any():
        asked = [heard[place].encounter for place in open_.tolist()]
        among = matcher.pair_odds([*asked, *_cohort(matcher, asked)], progress=progress)
        ours = (among.pairs < len(open_)).all(axis=1)
        one, other = open_[among.pairs[ours]].T
        odds = PairOdds.listed(len(heard), one, other, among.log_odds[ours], among.absent)
    return settle(posteriors, odds, rate, matcher.prior_new, matcher.fusion.bias, partial)


def find_obstacles(catalogue: Catalogue, heard: Sequence[Heard], settled: Settled) -> dict[int, str]:
    """Why answers are left to a person, by their places: poor pictures, animals not compared, or what was told.

    Those who are named the same animal must agree in what was told of them; of two that do not the surer is named.
    """
    posteriors, accepted = settled.posteriors, settled.decisions.accepted
    found: dict[int, str] = {}
    for place, each in enumerate(heard):
        if each.unheard is not None and posteriors[place].answer == NEW and not accepted[place]:
            found[place] = each.unheard
    given: dict[tuple[str, int], list[Encounter]] = {}
    order = sorted(
        np.flatnonzero(accepted).tolist(),
        key=lambda place: (settled.newcomer(place) != place, -posteriors[place].confidence, place),
    )
    with catalogue.reading() as session:
        for place in order:
            if heard[place].poor:
                found[place] = f"all pictures of encounter {heard[place].encounter} show the animal badly"
                continue
            encounter, start = session.get_one(Encounter, heard[place].encounter), settled.newcomer(place)
            trouble = None
            if start is None:
                number = int(heard[place].individuals[posteriors[place].answer])
                individual = session.get_one(Individual, number)
                trouble = decisions.contradiction(session, encounter, individual, decisions.MACHINE)
            others = given.setdefault(("new", start) if start is not None else ("known", number), [])
            trouble = trouble or decisions.disagreement(encounter, others)
            if trouble:
                found[place] = trouble
            else:
                others.append(encounter)
    return found


def without(settled: Settled, obstacles: Mapping[int, str]) -> Decisions:
    """What is accepted but for some places, and for the newcomers that these begin."""
    chosen = settled.decisions
    accepted = chosen.accepted.copy()
    accepted[list(obstacles)] = False
    starts = [settled.newcomer(place) for place in range(len(accepted))]
    accepted &= np.array([start is None or accepted[start] for start in starts], bool)
    return weigh(settled.posteriors, accepted, chosen.known_above, chosen.new_above)


def named(heard: Sequence[Heard], settled: Settled, names: Mapping[int, str], place: int) -> Named:
    """The answer of one encounter, as it is accepted."""
    own, posterior, start = heard[place], settled.posteriors[place], settled.newcomer(place)
    number = int(own.individuals[posterior.answer]) if start is None else None
    pair = own.pair(posterior.answer) if start is None else None
    return Named(
        encounter=own.encounter,
        individual=None if number is None else names[number],
        probability=posterior.confidence,
        begun_by=None if start is None else heard[start].encounter,
        asked=None if pair is None else pair.asked,
        beside=None if pair is None else pair.gallery,
        individual_id=number,
    )


def write(
    catalogue: Catalogue, accepted: Sequence[Named], evidence: Mapping[str, Any]
) -> tuple[tuple[Named, ...], int | None]:
    """Write answers as one decision of the machine.

    An encounter that somebody decided on meanwhile, or whose individual is gone, is left out.

    Args:
        catalogue: to write in.
        accepted: the answers.
        evidence: kept with the decision.

    Returns:
        what was written, with the names of new animals; and the number of the decision, None if all came too late.
    """
    with catalogue.writing() as session:
        ready = [each for each in accepted if _still_so(session, each)]
        present = {each.encounter for each in ready}
        ready = [each for each in ready if each.begun_by is None or each.begun_by in present]
        if not ready:
            return (), None
        made: dict[int, Individual] = {}
        answers: dict[Encounter, Individual] = {}
        written = []
        for each in ready:
            encounter = session.get_one(Encounter, each.encounter)
            if each.begun_by is None:
                individual = session.get_one(Individual, each.individual_id)
            else:
                if each.begun_by not in made:
                    made[each.begun_by] = decisions.new_individual(session, encounter.species)
                individual = made[each.begun_by]
            answers[encounter] = individual
            written.append(replace(each, individual=individual.name, individual_id=individual.id))
        return tuple(written), decisions.accept(session, answers, who=who(), evidence=evidence).id


def probabilities(accepted: Sequence[Named]) -> dict[str, float]:
    """How probable the answer of each encounter was, as a decision's evidence keeps it."""
    return {str(each.encounter): each.probability for each in accepted}


def _cohort(matcher: Matcher, asked: Sequence[int]) -> list[int]:
    """Encounters with known animals, one of each, where those that are asked are too few to stand out from."""
    table = matcher.table
    first = table.drop_duplicates("encounter")
    wanted = first.loc[first["encounter"].isin(set(asked)), "species"].fillna("").value_counts()
    others = first[first["individual_id"].notna() & ~first["encounter"].isin(set(asked))]
    known = others.drop_duplicates("individual_id")
    found: list[int] = []
    for species, count in wanted.items():
        of_species = known.loc[known["species"].fillna("") == species, "encounter"]
        found += [int(number) for number in of_species.iloc[: max(0, _COHORT - int(count))]]
    return found


def _still_so(session: Session, each: Named) -> bool:
    encounter = session.get(Encounter, each.encounter)
    if encounter is None or encounter.individual_id != each.before_id:
        return False
    if decisions.named_by(session, encounter) not in (None, decisions.MACHINE):
        return False  # a person said meanwhile that the machine was right
    return each.individual_id is None or not session.get_one(Individual, each.individual_id).retired
