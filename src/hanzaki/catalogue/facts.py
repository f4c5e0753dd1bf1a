"""What people and tables told of animals beside who they are: species, sex, origin, and the side that is seen.

A person's word is a decision, which is kept with who and when and can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Subquery, case, func, select
from sqlalchemy.orm import Session, aliased

from hanzaki.catalogue.tables import Annotation, Decision, Encounter, Individual, Statement
from hanzaki.errors import DecisionError

#: What is told of an animal; the column of encounters and of individuals.
FACTS = ("species", "sex", "origin")

#: The side that is seen, which is told of a picture.
SIDE = "orientation"

Subject = Encounter | Annotation | Individual


class Fact(NamedTuple):
    """What somebody tells: of what, which column, and its value; None where nobody knows after all."""

    subject: Subject
    label: str
    value: str | None


def of_individuals() -> Subquery:
    """What was told of every individual: columns ``individual_id species sex origin``.

    It is what was told of the animal itself, or else of its encounters where they do not contradict each other.
    """
    columns = []
    for label in FACTS:
        told = getattr(Encounter, label)
        agreed = case((func.min(told) == func.max(told), func.min(told)))
        columns.append(func.coalesce(getattr(Individual, label), agreed).label(label))
    query = select(Individual.id.label("individual_id"), *columns)
    query = query.outerjoin(Encounter, Encounter.individual_id == Individual.id).group_by(Individual.id)
    return query.subquery()


def told_beside(session: Session, individual: Individual, label: str, besides: Encounter) -> set[str]:
    """What was told of an individual itself or, where nothing was, of its encounters without one of them."""
    own = getattr(individual, label)
    if own is not None:
        return {own}
    query = select(getattr(Encounter, label)).where(
        Encounter.individual_id == individual.id, Encounter.id != besides.id
    )
    return {value for value in session.scalars(query) if value is not None}


def fill_in(session: Session, meeting: Encounter, *, sex: str | None, origin: str | None) -> bool:
    """Write down what a table tells of an encounter's animal, where nobody told it and nothing speaks against it.

    Returns:
        whether any of it was new.
    """
    news = False
    individual = None if meeting.individual_id is None else session.get_one(Individual, meeting.individual_id)
    for label, value in (("sex", sex), ("origin", origin)):
        if value is None or getattr(meeting, label) is not None:
            continue
        known = set() if individual is None else told_beside(session, individual, label, meeting)
        if not known or value in known:
            setattr(meeting, label, value)
            news = True
    return news


def side_stands(session: Session, annotation: int) -> bool:
    """Whether a person told which side a picture shows and did not take it back; no table is then believed."""
    undoing = aliased(Decision)
    query = (
        select(Statement.id)
        .join(Decision, Statement.decision_id == Decision.id)
        .outerjoin(undoing, undoing.undoes_id == Decision.id)
        .where(
            Statement.annotation_id == annotation,
            Statement.label == SIDE,
            Statement.after.is_not(None),
            Decision.undoes_id.is_(None),
            undoing.id.is_(None),
        )
    )
    return session.scalar(query.limit(1)) is not None


def tell(session: Session, decision: Decision, facts: Sequence[Fact]) -> None:
    """Write down what a person tells, as statements of a decision.

    What is told of an individual is told of its encounters too, where something else stood of them.

    Args:
        session: to write with.
        decision: to which the statements belong.
        facts: what is told.

    Raises:
        DecisionError: if nothing of it is new, or it speaks against what was told of the individual.
    """
    for fact in facts:
        _check(session, fact)
        _state(decision, fact)
        if isinstance(fact.subject, Individual):
            for meeting in fact.subject.encounters:
                if getattr(meeting, fact.label) is not None:
                    _state(decision, Fact(meeting, fact.label, fact.value))
    if not decision.statements:
        known = "; ".join(f"{name_of(fact.subject)}: {fact.label} {fact.value or 'unknown'}" for fact in facts)
        raise DecisionError(f"that was told already ({known})")


def take_back(decision: Decision, told: Sequence[Statement]) -> None:
    """Let a decision's statements be undone by those of another.

    Raises:
        DecisionError: if something else was told since.
    """
    for statement in reversed(told):
        subject = statement.subject
        if getattr(subject, statement.label) != statement.after:
            raise DecisionError(f"the {statement.label} of {name_of(subject)} was changed since it was told")
        _state(decision, Fact(subject, statement.label, statement.before))


def name_of(subject: Subject) -> str:
    """An encounter, picture or individual, as the user knows it."""
    if isinstance(subject, Individual):
        return subject.name
    return f"{'encounter' if isinstance(subject, Encounter) else 'picture'} {subject.id}"


def _state(decision: Decision, fact: Fact) -> None:
    subject, label, value = fact
    before = getattr(subject, label)
    if before == value:
        return
    statement = Statement(label=label, before=before, after=value)
    if isinstance(subject, Encounter):
        statement.encounter = subject
    elif isinstance(subject, Annotation):
        statement.annotation = subject
    else:
        statement.individual = subject
    decision.statements.append(statement)
    setattr(subject, label, value)


def _check(session: Session, fact: Fact) -> None:
    subject, label, value = fact
    if isinstance(subject, Encounter) and subject.individual is not None and value is not None:
        known = told_beside(session, subject.individual, label, subject)
        if known and value not in known:
            raise DecisionError(
                f"encounter {subject.id} is {subject.individual.name}, of whom {' and '.join(sorted(known))} was "
                f"told; tell it of the animal: `hanzaki tell --individual {subject.individual.name} --{label} "
                f"{value}`"
            )
    if isinstance(subject, Individual) and label == "species" and value != subject.species:
        same = func.coalesce(Individual.species, "") == (value or "")
        if session.scalar(select(Individual.id).where(Individual.name == subject.name, same)) is not None:
            raise DecisionError(f"there is another {subject.name} of that species ({value or 'unknown'}) already")
    if isinstance(subject, Annotation) and subject.medium.kind == "video" and subject.frame is None:
        raise DecisionError(
            f"picture {subject.id} is a video in which nobody has looked for the animal yet: run `hanzaki detect`"
        )
