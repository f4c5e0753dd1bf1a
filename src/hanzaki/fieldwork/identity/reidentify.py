"""What a better model would change, shown before anything changes.

What the machine named, and what nobody named, is asked again, each encounter by itself against all the others.
What people and tables decided is shown where it differs, and never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from hanzaki.catalogue import decisions
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium
from hanzaki.fieldwork.identity.accept import check_rate
from hanzaki.fieldwork.identity.asking import Heard, hear, names_of, ready_matcher
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
from hanzaki.fieldwork.identity.moves import one_way
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.matching.decision import decide
from hanzaki.matching.newcomers import Settled

#: ``same``: as it is now. ``other``: another individual. ``new``: somebody new. ``named``: of nobody until now.
Outcome = Literal["same", "other", "new", "named"]


@dataclass(frozen=True)
class AskedAgain:
    """One encounter, before and after.

    Attributes:
        encounter: its number.
        present: the name that it has; None of nobody.
        by: by whose word, ``machine``, ``person`` or ``table``; None of nobody.
        before: how probable that name was when the machine gave it, or by the old models; None if nobody knows.
        outcome: what the answer is, beside the present name.
        individual: the name that is the answer; None is somebody new.
        begun_by: of somebody new in this batch, the encounter that shows the animal first.
        after: how probable that answer is.
        present_after: how probable the present name is; None of nobody.
        sure: whether the answer is sure enough to be accepted.
        obstacle: why a sure answer is not taken; None if nothing stands against it.
        changes: whether the name changes if it is applied.
    """

    encounter: int
    present: str | None
    by: str | None
    before: float | None
    outcome: Outcome
    individual: str | None
    begun_by: int | None
    after: float
    present_after: float | None
    sure: bool
    obstacle: str | None
    changes: bool


@dataclass(frozen=True)
class Reidentification:
    """What would change.

    Attributes:
        rate: the share of wrong ones that is tolerated among the accepted.
        asked: every encounter that has a name or would get one: changes first, then what is not sure or not done,
            then the same.
        wrong_before: how many of the machine's names were expected to be wrong; None if nobody knows.
        wrong_after: how many are, with what changes applied.
        models: by what animals are compared.
        old_models: by what ``before`` was computed; empty if it is what was kept.
        calibrated: in words, what the probabilities rest on.
        skipped: encounters that could not be compared, with the reason.
        decision: the number of the decision that was written; None if nothing was.
    """

    rate: float
    asked: tuple[AskedAgain, ...]
    wrong_before: float | None
    wrong_after: float
    models: tuple[str, ...]
    old_models: tuple[str, ...]
    calibrated: str
    skipped: tuple[BadMedium, ...]
    decision: int | None = None

    @property
    def changes(self) -> tuple[AskedAgain, ...]:
        """What changes if it is applied."""
        return tuple(each for each in self.asked if each.changes)

    def table(self) -> pd.DataFrame:
        """A row an encounter, with the columns of :class:`AskedAgain`."""
        columns = list(AskedAgain.__dataclass_fields__)
        rows = [[getattr(each, column) for column in columns] for each in self.asked]
        return pd.DataFrame(rows, columns=columns, dtype=object)


@dataclass(frozen=True)
class _Present:
    """Who an encounter is of before it is asked again."""

    number: int | None
    name: str | None
    by: str | None
    before: float | None


def reidentify(
    catalogue: Catalogue,
    method: Method,
    old: Method | None = None,
    *,
    rate: float,
    everybody: bool = False,
    apply: bool = False,
    progress: Progress = silent,
) -> Reidentification:
    """Ask again who everybody is; nothing is written unless it is applied.

    All changes are written as one decision of the machine, which ``undo`` takes back as one. What is not sure
    stays as it is. Of individuals that only the machine knows, one that is given encounters in a batch gives none
    away in the same batch: each would rest on the other. What waits for that is found by asking once more.

    Args:
        catalogue: with named individuals.
        method: how animals are compared now.
        old: how they were before, if ``before`` is to be computed; else it is what was kept with the decision.
        rate: the share of wrong ones that is tolerated among the accepted, a fraction.
        everybody: ask of what people and tables named too; it is shown, and never changed.
        apply: whether to write it.
        progress: told how far it is.

    Raises:
        SettingError: if the rate is no fraction.
        KeyboardInterrupt: if the user stops it; what was described by then is kept.
    """
    check_rate(rate)
    matcher, undescribed = ready_matcher(catalogue, method, progress)
    present = _presents(catalogue, matcher)
    now = {number: each.number for number, each in present.items() if each.number is not None}
    ours = [number for number, each in present.items() if each.by in (None, decisions.MACHINE)]
    heard, skipped = hear(matcher, ours, now, progress)
    if old is not None:
        present = _computed_before(catalogue, old, present, ours, now, progress)
    found, moves = _changes(catalogue, matcher, heard, present, rate, progress)
    if everybody:
        asked = set(ours)
        others = [number for number in present if number not in asked]
        said, left = hear(matcher, others, now, progress)
        if old is not None:
            present = _computed_before(catalogue, old, present, others, now, progress)
        found += _shown_only(catalogue, matcher, said, present, rate)
        skipped += left
    result = Reidentification(
        rate=rate,
        asked=tuple(sorted(found, key=_in_order)),
        wrong_before=_wrong([each.before for each in found if each.by == decisions.MACHINE]),
        wrong_after=_wrong([_stands(each) for each in found if each.by == decisions.MACHINE or each.changes])
        or 0.0,
        models=method.names,
        old_models=() if old is None else old.names,
        calibrated=matcher.calibrated,
        skipped=(*undescribed, *skipped),
    )
    if not apply or not moves:
        return result
    written, decision = write(catalogue, moves, _evidence(result, moves))
    return replace(_named_now(result, written), decision=decision)


def _presents(catalogue: Catalogue, matcher: Matcher) -> dict[int, _Present]:
    """Who every encounter is of, by whose word, and how probable that was."""
    first = matcher.everything.drop_duplicates("encounter").sort_values("encounter")
    with catalogue.reading() as session:
        words = decisions.words(session)
        said = {number: (word, decision.evidence or {}) for number, (word, decision) in words.items()}
    found = {}
    for encounter, individual, name in zip(
        first["encounter"], first["individual_id"], first["individual"], strict=True
    ):
        if pd.isna(individual):
            found[int(encounter)] = _Present(None, None, None, None)
            continue
        word, evidence = said.get(int(encounter), (decisions.TABLE, {}))
        kept = evidence.get("probabilities", {}).get(str(encounter)) if word == decisions.MACHINE else None
        found[int(encounter)] = _Present(int(individual), name, word, kept)
    return found


def _counts(present: Mapping[int, _Present]) -> dict[int, int]:
    """How many encounters each individual has, by its number."""
    return Counter(each.number for each in present.values() if each.number is not None)


def _computed_before(
    catalogue: Catalogue,
    old: Method,
    present: Mapping[int, _Present],
    encounters: Sequence[int],
    now: Mapping[int, int],
    progress: Progress,
) -> dict[int, _Present]:
    """How probable present names are by the old models."""
    matcher, _ = ready_matcher(catalogue, old, progress)
    named_now = [number for number in encounters if number in now]
    heard, _ = hear(matcher, named_now, now, progress)
    said = {each.encounter: each.probability_of(present[each.encounter].number) for each in heard}
    asked = set(encounters)
    return {
        number: replace(each, before=said.get(number)) if number in asked else each
        for number, each in present.items()
    }


def _changes(
    catalogue: Catalogue,
    matcher: Matcher,
    heard: Sequence[Heard],
    present: Mapping[int, _Present],
    rate: float,
    progress: Progress,
) -> tuple[list[AskedAgain], list[Named]]:
    """What becomes of encounters that the machine may name, and the moves to make."""
    settled = settle_newcomers(matcher, heard, rate, progress)
    obstacles = find_obstacles(catalogue, heard, settled)
    sure = without(settled, obstacles).accepted
    names = names_of(matcher)
    answers = [
        replace(named(heard, settled, names, place), before_id=present[each.encounter].number)
        for place, each in enumerate(heard)
    ]
    wanted = [each for each, accepted in zip(answers, sure, strict=True) if accepted and _differs(each)]
    anchored = {each.number for each in present.values() if each.number and each.by != decisions.MACHINE}
    met = matcher.everything["encounter"]
    rests_on = {each.encounter: int(met[each.beside]) for each in wanted if each.beside is not None}
    moves, waits = one_way(wanted, _counts(present), anchored, rests_on)
    moving = {each.encounter for each in moves}
    found = []
    for place, (each, answer) in enumerate(zip(heard, answers, strict=True)):
        obstacle = obstacles.get(place) or waits.get(each.encounter)
        now = present[each.encounter]
        if now.number is None and each.encounter not in moving and obstacle is None:
            continue  # of nobody, and stays so
        accepted = bool(settled.decisions.accepted[place])
        found.append(_asked_again(each, answer, now, accepted, obstacle, each.encounter in moving))
    return found, moves


def _shown_only(
    catalogue: Catalogue,
    matcher: Matcher,
    heard: Sequence[Heard],
    present: Mapping[int, _Present],
    rate: float,
) -> list[AskedAgain]:
    """What the machine says of encounters that people and tables named."""
    posteriors = tuple(each.posterior for each in heard)
    settled = Settled(posteriors, ((),) * len(heard), decide(posteriors, rate))
    obstacles = find_obstacles(catalogue, heard, settled)
    names = names_of(matcher)
    found = []
    for place, each in enumerate(heard):
        now = present[each.encounter]
        answer = replace(named(heard, settled, names, place), before_id=now.number)
        obstacle = obstacles.get(place)
        if _differs(answer):
            obstacle = f"was named by a {now.by}, whose word the machine leaves alone"
        accepted = bool(settled.decisions.accepted[place])
        found.append(_asked_again(each, answer, now, accepted, obstacle, False))
    return found


def _differs(answer: Named) -> bool:
    return answer.begun_by is not None or answer.individual_id != answer.before_id


def _asked_again(
    heard: Heard, answer: Named, now: _Present, sure: bool, obstacle: str | None, changes: bool
) -> AskedAgain:
    outcome: Outcome = "same"
    if now.number is None:
        outcome = "named"
    elif answer.begun_by is not None:
        outcome = "new"
    elif answer.individual_id != now.number:
        outcome = "other"
    return AskedAgain(
        encounter=heard.encounter,
        present=now.name,
        by=now.by,
        before=now.before,
        outcome=outcome,
        individual=answer.individual,
        begun_by=answer.begun_by,
        after=answer.probability,
        present_after=None if now.number is None else heard.probability_of(now.number),
        sure=sure,
        obstacle=obstacle if _differs(answer) and sure else None,
        changes=changes,
    )


def _stands(each: AskedAgain) -> float | None:
    """How probable the name is that an encounter has in the end."""
    return each.after if each.changes else each.present_after


def _wrong(names: Sequence[float | None]) -> float | None:
    """How many names are expected to be wrong; None if of some nobody knows."""
    known = [probability for probability in names if probability is not None]
    return float(sum(1 - probability for probability in known)) if len(known) == len(names) else None


def _in_order(each: AskedAgain) -> tuple[int, float, int]:
    """Changes first, then what differs, the most certain before others; then the same, the least sure first."""
    group = 0 if each.changes else 2 if each.outcome == "same" else 1
    return group, each.after if group == 2 else -each.after, each.encounter


def _named_now(result: Reidentification, written: Sequence[Named]) -> Reidentification:
    """With the names that new animals were given; what came too late does not change."""
    names = {each.encounter: each.individual for each in written}
    asked = [
        replace(each, individual=names[each.encounter])
        if each.encounter in names
        else replace(each, changes=False)
        for each in result.asked
    ]
    return replace(result, asked=tuple(asked))


def _evidence(result: Reidentification, moves: Sequence[Named]) -> dict[str, Any]:
    return {
        "rate": result.rate,
        "models": list(result.models),
        "calibrated": result.calibrated,
        "again": True,
        "probabilities": probabilities(moves),
    }
