"""A catalogue's own decisions, asked again: what its animals teach of how far scores can be trusted.

Every encounter that a person or a table named is asked once with its individual in the catalogue and once with it
left out, as an animal that is new would be. What the machine decided by itself takes no part, neither asking nor
answering: it would only teach the machine what it believes of how alike an animal's pictures are.

How often animals are new is the one exception: that is counted in all names, the machine's among them. People are
left with the hard encounters, and these are more often of new animals than others: their share among what people
named would be too large, the more so the more the machine names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.catalogue import calibrations, gallery
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Calibration
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.identity.matcher import Matcher, beginning
from hanzaki.fieldwork.identity.method import Method, describe_all_of
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Query
from hanzaki.matching.choice import NEW, PRIOR_NEW, Case, Fusion
from hanzaki.matching.evidence import sample_by_key
from hanzaki.matching.relearning import LEAST, relearnt
from hanzaki.matching.scope import SIDES
from hanzaki.settings import who

#: So many encounters are asked, drawn by lot from more.
MOST = 2000

#: And no more than give so many scores of one kind of evidence, so that a learning fits into a laptop's memory.
MOST_SCORES = 5_000_000

#: As many encounters as :data:`PRIOR_NEW` is worth where it is put right by what was met.
PRIOR_WEIGHT = 10

#: What is learnt beside other work takes a minute or so: of so many encounters at most and at least, and no more
#: than make so many pairs of photographs whose keypoints are compared, at a millisecond each; a learned matcher
#: takes seven.
_BESIDE, _TOO_FEW, _PAIRS, _LEARNED_PAIRS = 200, 40, 50_000, 8_000


@dataclass(frozen=True)
class Newcomers:
    """How often animals were met that had not been met before, in the later half of a catalogue's encounters.

    Attributes:
        encounters: how many named encounters with a day that half has.
        new: how many of them showed an animal that nothing met before could be compared with.
    """

    encounters: int
    new: int

    @property
    def prior(self) -> float:
        """The prior that the next animal is new: that share, drawn to an even one where there are few.

        The mean of a beta distribution (Laplace's rule of succession with :data:`PRIOR_WEIGHT` encounters).
        """
        return (self.new + PRIOR_WEIGHT * PRIOR_NEW) / (self.encounters + PRIOR_WEIGHT)


@dataclass(frozen=True, eq=False)
class Asked:
    """A catalogue's decisions as cases.

    Attributes:
        cases: each with the individual's number in the catalogue.
        encounters: the number of each case's encounter.
        kinds: ``embedding`` or ``keypoints``, by name of the evidence.
        decided: how many encounters people and tables named.
        individuals: how many individuals those are of.
        met_again: individuals that were asked with themselves in the catalogue: met twice, on sides that can be
            compared.
        newcomers: how often animals were new.
        skipped: what could not be used, with the reason.
    """

    cases: tuple[Case, ...]
    encounters: tuple[int, ...]
    kinds: Mapping[str, str]
    decided: int
    individuals: int
    met_again: int
    newcomers: Newcomers
    skipped: tuple[BadMedium, ...] = field(default=())

    @property
    def asked(self) -> int:
        """How many encounters were asked."""
        return len(set(self.encounters))


def ask_again(catalogue: Catalogue, method: Method, *, most: int = MOST, progress: Progress = silent) -> Asked:
    """Ask who the animals of decided encounters are, with each in the catalogue and without.

    What was not yet described is described first, and kept. Nothing else is written.

    Args:
        catalogue: with named individuals.
        method: how animals are compared.
        most: so many encounters are asked at most, drawn by lot; those of animals that were met again come first.
        progress: told how far it is.

    Raises:
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    described = describe_all_of(catalogue, method, progress)
    if described.interrupted:
        raise KeyboardInterrupt  # half of a catalogue would teach what a whole one is not
    with catalogue.reading() as session:
        table = gallery.annotation_table(session)
        told = calibrations.teaching(session)
    decided = meetings_of(table[table["encounter"].isin(told)])
    again = _met_again(decided, any_side=method.any_side)
    matcher = Matcher(catalogue, method, without=set(table["encounter"]) - set(told))
    individuals = {meeting.individual for meeting in decided}
    most = min(most, max(1, MOST_SCORES // max(1, 2 * len(individuals))))  # each is asked twice
    drawn = draw(decided, again, most)
    cases: dict[int, list[Case]] = {}
    skipped = list(described.skipped)
    for done, meeting in enumerate(drawn, 1):
        try:
            cases[meeting.encounter] = _cases(matcher, meeting, known=meeting.encounter in again)
        except BadMedium as bad:
            skipped.append(bad)
        progress("asking again", done, len(drawn))
    every = [case for found in cases.values() for case in found]
    return Asked(
        cases=tuple(every),
        encounters=tuple(number for number, found in cases.items() for _ in found),
        kinds=method.kinds,
        decided=len(decided),
        individuals=len(individuals),
        met_again=len({case.individual for case in every if case.truth != NEW}),
        newcomers=count_newcomers(meetings_of(table), any_side=method.any_side),
        skipped=tuple(skipped),
    )


def keep_up(catalogue: Catalogue, method: Method, progress: Progress = silent) -> bool:
    """Learn from decisions as they come: where enough were made since that was done last, and it is soon done.

    ``hanzaki calibrate`` asks about all of them, and says how true the probabilities are: what it kept, with the
    prior that the user may have told, is not replaced here; nor is what a drift was measured with; nor is anything
    learnt back that the user took back.

    Args:
        catalogue: in which everything is described.
        method: how animals are compared.
        progress: told how far it is.

    Returns:
        Whether anything was learnt.

    Raises:
        KeyboardInterrupt: if the user stops it; nothing is kept then.
    """
    with catalogue.reading() as session:
        former = calibrations.newest(session, method.names)
        if calibrations.is_forgotten(session, method.names) or (former is not None and not _may_go(former)):
            return False
        table = gallery.annotation_table(session)
        told = calibrations.teaching(session)
    decided = meetings_of(table[table["encounter"].isin(told)])
    again = _met_again(decided, any_side=method.any_side)
    if len({meeting.individual for meeting in decided if meeting.encounter in again}) < LEAST:
        return False
    if former is not None and len(decided) < calibrations.GROWN * former.report.get("decided", 0):
        return False
    most = _BESIDE
    if set(method.kinds.values()) != {"embedding"}:
        pictures = sum(len(meeting.annotations) for meeting in decided)
        pairs = _LEARNED_PAIRS if method.matchers else _PAIRS
        most = min(most, pairs * len(decided) // (2 * pictures**2))  # each is asked twice
    if most < min(_TOO_FEW, len(decided)):
        return False
    asked = ask_again(catalogue, method, most=most, progress=progress)
    if asked.met_again < LEAST:
        return False
    fusion = relearnt(asked.cases, beginning(method))
    fusion = replace(fusion, fitted_on={"decisions": asked.asked, "individuals": asked.individuals})
    report = {"decided": asked.decided, "asked": asked.asked, "met_again": asked.met_again}
    keep_calibration(catalogue, method, fusion, asked.newcomers.prior, report | {calibrations.BESIDE: True})
    return True


def _may_go(former: Calibration) -> bool:
    """Whether a calibration was learnt beside other work, and nothing was measured or decided upon it since."""
    return bool(former.report.get(calibrations.BESIDE)) and former.drift is None


@dataclass(frozen=True)
class Meeting:
    """One encounter with a named individual.

    Attributes:
        encounter: its number.
        individual: the individual's number.
        annotations: its pictures.
        day: when; None = nobody wrote it down.
        flanks: which flanks its pictures show; None stands for pictures that show neither, or nobody said which.
    """

    encounter: int
    individual: int
    annotations: tuple[int, ...]
    day: datetime | None
    flanks: frozenset[str | None]

    def comparable(self, other: Meeting, *, any_side: bool = False) -> bool:
        """Whether any of its pictures may be compared with any of another's."""
        return any_side or None in self.flanks | other.flanks or bool(self.flanks & other.flanks)


def meetings_of(table: pd.DataFrame) -> list[Meeting]:
    """The encounters with named individuals, in order of their numbers.

    Args:
        table: as :func:`hanzaki.catalogue.gallery.annotation_table` gives it.
    """
    named = table[table["individual_id"].notna() & ~table["unwatched"].astype(bool)]
    return [
        Meeting(
            encounter=int(rows["encounter"].iloc[0]),
            individual=int(rows["individual_id"].iloc[0]),
            annotations=tuple(int(row) for row in rows["annotation"]),
            day=next((day for day in rows["seen"] if not pd.isna(day)), None),
            flanks=frozenset(side if side in SIDES else None for side in rows["side"]),
        )
        for _, rows in named.groupby("encounter", sort=True)
    ]


def draw(meetings: Sequence[Meeting], again: Collection[int], most: int) -> list[Meeting]:
    """Meetings drawn by lot, the same ones every time, so that whoever was met again is heard first.

    None of these has more than its part of the room before the others had theirs: where :data:`LEAST` individuals
    or more were met again, and there is room for so many meetings, at least :data:`LEAST` of them are drawn.

    Args:
        meetings: to draw from.
        again: encounters whose individual has another one that they can be compared with.
        most: how many there is room for.

    Returns:
        the drawn, in the order of ``meetings``.
    """
    room, heard = max(1, most // LEAST), Counter[int]()
    first, rest = [], []
    for place in sample_by_key([meeting.encounter for meeting in meetings], len(meetings)):
        meeting = meetings[place]
        if meeting.encounter in again and heard[meeting.individual] < room:
            heard[meeting.individual] += 1
            first.append(place)
        else:
            rest.append(place)
    return [meetings[place] for place in sorted([*first, *rest][:most])]


def count_newcomers(meetings: Iterable[Meeting], *, any_side: bool = False) -> Newcomers:
    """How often the later half of the encounters showed an animal that was not met before.

    Encounters count in the order of their days, those of one moment in the order of their numbers; those without a
    day do not count. An animal that was met from its other flank alone is as good as new: nothing can tell it.

    Args:
        meetings: with named individuals.
        any_side: left flanks are compared with right ones too.
    """
    dated = [(meeting.day, meeting.encounter, meeting) for meeting in meetings if meeting.day is not None]
    ordered = [meeting for _, _, meeting in sorted(dated, key=lambda each: each[:2])]
    before: dict[int, list[Meeting]] = {}
    fresh = []
    for meeting in ordered:
        earlier = before.setdefault(meeting.individual, [])
        fresh.append(not any(meeting.comparable(each, any_side=any_side) for each in earlier))
        earlier.append(meeting)
    later = fresh[len(fresh) // 2 :]
    return Newcomers(len(later), sum(later))


def keep_calibration(
    catalogue: Catalogue, method: Method, fusion: Fusion, prior_new: float, report: Mapping[str, Any]
) -> None:
    """Keep what was learnt; it counts from now on wherever the same models compare.

    It begins without a drift: how markings change with the years was measured in the likelihood ratios of the
    calibration before, and these are now other ones.

    Args:
        catalogue: to write to.
        method: how animals were compared.
        fusion: that knows its evidence by name.
        prior_new: probability that an animal is new, before it is looked at.
        report: what cross-validation said, as JSON takes it.
    """
    with catalogue.writing() as session:
        calibrations.keep(session, method.names, fusion.as_json(), prior_new, who=who(), report=report)


def heeds_drift(catalogue: Catalogue, method: Method) -> bool:
    """Whether the calibration that counts knows how markings change with the years."""
    with catalogue.reading() as session:
        former = calibrations.newest(session, method.names)
        return former is not None and former.drift is not None


def forget_calibration(catalogue: Catalogue, method: Method) -> int:
    """Take back all that was learnt for the same models; nothing is learnt for them until the user asks for it.

    Returns:
        how many calibrations there were.
    """
    with catalogue.writing() as session:
        known = calibrations.forget(session, method.names)
        calibrations.mark_forgotten(session, method.names, who=who())
        return known


def _met_again(meetings: Sequence[Meeting], *, any_side: bool) -> set[int]:
    """The encounters whose individual has another one that they can be compared with."""
    by_individual: dict[int, list[Meeting]] = {}
    for meeting in meetings:
        by_individual.setdefault(meeting.individual, []).append(meeting)
    return {
        meeting.encounter
        for meeting in meetings
        if any(
            other is not meeting and meeting.comparable(other, any_side=any_side)
            for other in by_individual[meeting.individual]
        )
    }


def _cases(matcher: Matcher, meeting: Meeting, *, known: bool) -> list[Case]:
    """An encounter with its individual in the catalogue, if others show it too, and with it left out.

    Where nothing could be compared, as among too few animals for a standard, there is nothing to learn.
    """
    query = Query(f"encounter {meeting.encounter}", meeting.encounter, meeting.annotations)
    own = meeting.individual
    cases = []
    for left_out in ((), (own,)) if known else ((own,),):
        compared = matcher.compare(query, left_out=left_out)
        truth = compared.individuals.index(own) if own in compared.individuals else NEW
        there = np.array([~np.isnan(scores) for scores in compared.scores.values()])
        if there.any() and (left_out or (truth != NEW and there[:, truth].any())):
            cases.append(Case(compared.scores, truth, own))
    return cases
