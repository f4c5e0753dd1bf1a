"""Who is who and what is told of them, by whose word: the only place where an encounter's individual changes.

Every change is a row that is added, never altered, and can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from hanzaki.catalogue import facts
from hanzaki.catalogue.tables import Change, Decision, Encounter, Individual
from hanzaki.errors import DecisionError

PERSON = "person"
TABLE = "table"

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

    Raises:
        DecisionError: if it is so already, or their species differ; of a person's decision also if their sex or
            origin differ, of which a table may contradict itself.
    """
    if encounter.individual_id == individual.id:
        raise DecisionError(f"encounter {encounter.id} is {individual.name} already")
    for label in facts.FACTS if origin == PERSON else ("species",):
        seen = getattr(encounter, label)
        known = facts.told_beside(session, individual, label, encounter)
        if seen is not None and known and seen not in known:
            raise DecisionError(
                f"encounter {encounter.id} is {seen}, but {individual.name} is {' and '.join(sorted(known))}; if "
                f"that is wrong, put it right first with `hanzaki tell`"
            )
    return _decide(session, {encounter: individual.id}, who, origin, action, evidence)


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


def undo(session: Session, *, who: str) -> Decision:
    """Take back the last decision of a person that stands; again for the one before.

    Everything becomes what it was before it. An individual that it made is retired.

    Raises:
        DecisionError: if there is none, or if what it decided was changed since.
    """
    undoing = aliased(Decision)
    last = session.scalar(
        select(Decision)
        .outerjoin(undoing, undoing.undoes_id == Decision.id)
        .where(Decision.origin == PERSON, Decision.action != UNDO, undoing.id.is_(None))
        .order_by(Decision.id.desc())
        .limit(1)
    )
    if last is None:
        raise DecisionError("there is no decision to take back")
    back: dict[Encounter, int | None] = {}
    for change in last.changes:
        encounter = session.get_one(Encounter, change.encounter_id)
        if encounter.individual_id != change.after_id:
            raise DecisionError(f"encounter {encounter.id} was changed since decision {last.id}")
        back[encounter] = change.before_id
    undone = _decide(session, back, who, PERSON, UNDO, None, undoes=last)
    facts.take_back(undone, last.statements)
    if last.action == NEW:
        for change in last.changes:
            _retire_if_unseen(session, change.after_id)
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
    session.add(decision)
    session.flush()
    return decision


def _retire_if_unseen(session: Session, individual_id: int | None) -> None:
    seen = session.scalar(select(Encounter.id).where(Encounter.individual_id == individual_id).limit(1))
    if seen is None:
        session.get_one(Individual, individual_id).retired = True


def _next_name(session: Session, species: str | None) -> str:
    words = (species or "").replace("×", " ").split()
    initials = "".join(word[0] for word in words[:2]).upper() or "ID"
    taken = session.scalars(select(Individual.name).where(Individual.name.startswith(f"{initials}-"))).all()
    numbers = [int(tail) for name in taken if (tail := name.removeprefix(f"{initials}-")).isdecimal()]
    return f"{initials}-{max(numbers, default=0) + 1:03d}"
