"""What people's decisions say of two encounters beyond their names: that they are not of one individual.

Only a person's word is taken: a table names all its animals at once and compares none, and the machine would learn
to believe itself. It counts as long as both encounters are of whom they were of when it was given. That an
encounter *is* of an individual is no more than its name, which is what is to be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from hanzaki.catalogue.decisions import NEW, PERSON
from hanzaki.catalogue.tables import Change, Decision


class Different(NamedTuple):
    """That two encounters are of two individuals, and the decision that says so."""

    first: int
    second: int
    decision: int


def said_different(session: Session, individuals: Mapping[int, int]) -> Iterator[Different]:
    """What people's decisions say of pairs of encounters, in order.

    Whoever takes an encounter from an individual says that it is not that one, and ``new`` says that it is none of
    those known then. Of an individual its first encounter stands for all.

    Args:
        session: to read with.
        individuals: whom each encounter is of now, by numbers.
    """
    of: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for encounter, after, action, origin, decision in _standing(session):
        before = of.pop(encounter, None)
        if before is not None:
            members[before].remove(encounter)
        if after is None:
            continue
        if origin == PERSON and individuals.get(encounter) == after:
            others = list(members) if action == NEW else [] if before is None else [before]
            for other in others:
                met = (each for each in members[other] if individuals.get(each) == other != after)
                if (first := next(met, None)) is not None:
                    yield Different(encounter, first, decision)
        of[encounter] = after
        members.setdefault(after, []).append(encounter)


def _standing(session: Session) -> Iterator[tuple[int, int | None, str, str, int]]:
    """Encounter, individual, action, origin and number of all that was decided and not taken back, in order."""
    undoing = aliased(Decision)
    query = (
        select(Change.encounter_id, Change.after_id, Decision.action, Decision.origin, Decision.id)
        .join(Decision, Change.decision_id == Decision.id)
        .outerjoin(undoing, undoing.undoes_id == Decision.id)
        .where(Decision.undoes_id.is_(None), undoing.id.is_(None))
        .order_by(Decision.id, Change.encounter_id)
    )
    for row in session.execute(query):
        yield tuple(row)  # type: ignore[misc]
