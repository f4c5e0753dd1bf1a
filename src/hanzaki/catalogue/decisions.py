"""Who is who and what is told of them, by whose word: the only place where an encounter's individual changes.

Every change is a row that is added, never altered, and can be taken back. Above the machine's word stands that of
a person or of a table: the machine names only whom nobody named, and changes only what it said itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from hanzaki.catalogue import facts
from hanzaki.catalogue.tables import Change, Decision, Encounter, Individual
from hanzaki.errors import DecisionError

PERSON = "person"
TABLE = "table"
MACHINE = "machine"

ACCEPT = "accept"
ASSIGN = "assign"
NEW = "new"
TELL = "tell"
UNDO = "undo"


def assign(
    session: Session,
    encounter: Encounter,
    individual: Individual,
    *,
    who: str,
    action: str = ASSIGN,
    origin: str = PERSON,
    evidence: Mapping[str, Any] | None = None,
) -> Decision:
    """Decide that an encounter is of an individual.

    A person or table may confirm what only the machine said.

    Raises:
        DecisionError: if it is so already, or their species differ; of a person's decision also if their sex or
            origin differ, of which a table may contradict itself.
    """
    known = encounter.individual_id == individual.id
    if known and named_by(session, encounter) != MACHINE:
        raise DecisionError(f"encounter {encounter.id} is {individual.name} already")
    if trouble := contradiction(session, encounter, individual, origin):
        raise DecisionError(f"{trouble}; if that is wrong, put it right first with `hanzaki tell`")
    return _decide(session, {encounter: individual.id}, who, origin, action, evidence)


def accept(
    session: Session,
    answers: Mapping[Encounter, Individual],
    *,
    who: str,
    evidence: Mapping[str, Any],
) -> Decision:
    """Let the machine's answers stand, all of them as one decision, which is taken back as one.

    An individual that only the machine knew, and that it now sees nowhere any more, is retired.

    Raises:
        DecisionError: if a person or a table named one of the encounters, or what was told of one speaks against
            its answer, or against another that is given the same.
    """
    left = {encounter.individual_id for encounter in answers}
    given: dict[int, list[Encounter]] = {}
    for encounter, individual in answers.items():
        if (word := named_by(session, encounter)) not in (None, MACHINE):
            raise DecisionError(
                f"encounter {encounter.id} was named by a {word}, and the machine changes no such word"
            )
        others = given.setdefault(individual.id, [])
        trouble = contradiction(session, encounter, individual, MACHINE) or disagreement(encounter, others)
        if trouble:
            raise DecisionError(trouble)
        others.append(encounter)
    changed = {encounter: individual.id for encounter, individual in answers.items()}
    decision = _decide(session, changed, who, MACHINE, ACCEPT, evidence)
    for number in left:
        _retire_if_unseen(session, number, unless=(PERSON, TABLE))
    return decision


def contradiction(session: Session, encounter: Encounter, individual: Individual, origin: str) -> str | None:
    """What was told of an encounter and speaks against its being of an individual, in words; None if nothing does.

    Args:
        session: to read with.
        encounter: to be named.
        individual: who it is to be.
        origin: whose word that is; a table may contradict itself in all but the species.
    """
    for label in ("species",) if origin == TABLE else facts.FACTS:
        seen = getattr(encounter, label)
        known = facts.told_beside(session, individual, label, encounter)
        if seen is not None and known and seen not in known:
            return f"encounter {encounter.id} is {seen}, but {individual.name} is {' and '.join(sorted(known))}"
    return None


def disagreement(encounter: Encounter, others: Sequence[Encounter]) -> str | None:
    """What was told of an encounter and speaks against its being of one animal with any of others, in words."""
    for label in facts.FACTS:
        mine = getattr(encounter, label)
        for other in others:
            theirs = getattr(other, label)
            if mine is not None and theirs is not None and mine != theirs:
                return f"encounter {encounter.id} is {mine}, but encounter {other.id} is {theirs}"
    return None


def named_by(session: Session, encounter: Encounter) -> str | None:
    """By whose word an encounter has its individual, a person's, table's or the machine's; None if it has none."""
    if encounter.individual_id is None:
        return None
    last = session.execute(_standing().where(Change.encounter_id == encounter.id)).all()[-1:]
    return last[0].origin if last else None


def words(session: Session) -> dict[int, tuple[str, Decision]]:
    """Of every encounter that has an individual, by whose word it has it, and by which decision."""
    stands = {row.encounter_id: row for row in session.execute(_standing())}
    chosen = {number: row.decision_id for number, row in stands.items() if row.after_id is not None}
    made = {row.id: row for row in session.scalars(select(Decision).where(Decision.id.in_(set(chosen.values()))))}
    return {number: (made[decision].origin, made[decision]) for number, decision in chosen.items()}


def tell(session: Session, told: Sequence[facts.Fact], *, who: str) -> Decision:
    """Write down what a person tells of encounters, pictures and individuals.

    Raises:
        DecisionError: if nothing of it is new, or it speaks against what was told of an individual.
    """
    decision = Decision(who=who, origin=PERSON, action=TELL)
    facts.tell(session, decision, told)
    session.add(decision)
    session.flush()
    return decision


def undo(session: Session, *, who: str, machine: bool = False) -> Decision:
    """Take back the last decision of a person, or batch of the machine's, that stands; again for the one before.

    Everything becomes what it was before it. An individual that it made is retired. What was decided since then on
    an encounter of a batch stays.

    Args:
        session: to write with.
        who: takes it back.
        machine: the machine's last batch, and no person's decision.

    Raises:
        DecisionError: if there is none, or if what a person decided was changed since.
    """
    undoing = aliased(Decision)
    last = session.scalar(
        select(Decision)
        .outerjoin(undoing, undoing.undoes_id == Decision.id)
        .where(
            Decision.origin.in_([MACHINE] if machine else [PERSON, MACHINE]),
            Decision.action != UNDO,
            undoing.id.is_(None),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    )
    if last is None:
        raise DecisionError("there is no decision to take back")
    back: dict[Encounter, int | None] = {}
    for change in last.changes:
        encounter = session.get_one(Encounter, change.encounter_id)
        stands = session.execute(_standing().where(Change.encounter_id == encounter.id)).all()
        if stands[-1].decision_id == last.id:
            back[encounter] = stands[-2].after_id if len(stands) > 1 else None
        elif last.origin == PERSON:
            raise DecisionError(f"encounter {encounter.id} was changed since decision {last.id}")
    undone = _decide(session, back, who, PERSON, UNDO, None, undoes=last)
    facts.take_back(undone, last.statements)
    for number in {change.after_id for change in last.changes}:
        _retire_if_unseen(session, number)
    return undone


def individual_named(session: Session, name: str, species: str | None) -> Individual | None:
    """The living entry of that name and species; None if there is none."""
    return session.scalar(
        select(Individual).where(
            Individual.name == name,
            func.coalesce(Individual.species, "") == (species or ""),
            Individual.retired.is_(False),
        )
    )


def new_individual(session: Session, species: str | None, name: str | None = None) -> Individual:
    """Name an animal that was not known; without a name it gets the next number, as ``AJ-007``.

    Raises:
        DecisionError: if the name is taken, or is the word ``new``.
    """
    name = _next_name(session, species) if name is None else name.strip()
    if not name or name.lower() == NEW:
        raise DecisionError(f"{name!r} cannot be an individual's name")
    found = session.scalar(
        select(Individual).where(Individual.name == name, func.coalesce(Individual.species, "") == (species or ""))
    )
    if found is None:
        found = Individual(name=name, species=species, retired=False)
        session.add(found)
        session.flush()
    elif found.retired:
        found.retired = False
    else:
        raise DecisionError(f"{name} is known already; to say that this is {name}, name it instead of 'new'")
    return found


def _decide(
    session: Session,
    after: Mapping[Encounter, int | None],
    who: str,
    origin: str,
    action: str,
    evidence: Mapping[str, Any] | None,
    undoes: Decision | None = None,
) -> Decision:
    decision = Decision(
        who=who,
        origin=origin,
        action=action,
        evidence=None if evidence is None else dict(evidence),
        undoes_id=None if undoes is None else undoes.id,
    )
    for encounter, individual_id in after.items():
        decision.changes.append(
            Change(encounter_id=encounter.id, before_id=encounter.individual_id, after_id=individual_id)
        )
        encounter.individual_id = individual_id
        if individual_id is not None:
            session.get_one(Individual, individual_id).retired = False
    session.add(decision)
    session.flush()
    return decision


def _standing() -> Select[int, int | None, int, str]:
    """What was decided of encounters and not taken back, the latest last."""
    undoing = aliased(Decision)
    return (
        select(Change.encounter_id, Change.after_id, Change.decision_id, Decision.origin)
        .join(Decision, Change.decision_id == Decision.id)
        .outerjoin(undoing, undoing.undoes_id == Decision.id)
        .where(Decision.undoes_id.is_(None), undoing.id.is_(None))
        .order_by(Decision.id)
    )


def _retire_if_unseen(
    session: Session, individual_id: int | None, unless: Sequence[str] = (PERSON, TABLE, MACHINE)
) -> None:
    """Retire an individual that no encounter is of any more, unless a decision that stands speaks of it."""
    if individual_id is None:
        return
    seen = session.scalar(select(Encounter.id).where(Encounter.individual_id == individual_id).limit(1))
    said = _standing().where(Change.after_id == individual_id, Decision.origin.in_(unless)).limit(1)
    if seen is None and session.execute(said).first() is None:
        session.get_one(Individual, individual_id).retired = True


def _next_name(session: Session, species: str | None) -> str:
    words = (species or "").replace("×", " ").split()
    initials = "".join(word[0] for word in words[:2]).upper() or "ID"
    taken = session.scalars(select(Individual.name).where(Individual.name.startswith(f"{initials}-"))).all()
    numbers = [int(tail) for name in taken if (tail := name.removeprefix(f"{initials}-")).isdecimal()]
    return f"{initials}-{max(numbers, default=0) + 1:03d}"
