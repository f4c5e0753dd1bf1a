"""Rows found or made: what adding photographs and tables writes into a catalogue.

Everything here is told twice without harm: what is there already is found, not doubled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hanzaki.boxes import Box
from hanzaki.catalogue.decisions import individual_named, new_individual
from hanzaki.catalogue.facts import fill_in
from hanzaki.catalogue.tables import (
    Annotation,
    Change,
    Embedding,
    Encounter,
    Individual,
    Medium,
    Opinion,
    Site,
    Statement,
    Survey,
    now,
)


def site(session: Session, name: str) -> Site:
    """The site of that name, made if need be."""
    found = session.scalar(select(Site).where(Site.name == name))
    if found is None:
        found = Site(name=name)
        session.add(found)
        session.flush()
    return found


def survey(session: Session, name: str, place: Site | None) -> Survey:
    """The survey of that name, made if need be."""
    found = session.scalar(select(Survey).where(Survey.name == name))
    if found is None:
        found = Survey(name=name, site_id=None if place is None else place.id)
        session.add(found)
        session.flush()
    return found


def individual(session: Session, name: str, species: str | None) -> Individual:
    """The individual of that name and species, made if need be."""
    return individual_named(session, name, species) or new_individual(session, species, name)


def medium(session: Session, sha256: str) -> Medium | None:
    """The medium of those bytes."""
    return session.scalar(select(Medium).where(Medium.sha256 == sha256))


def linked_at(session: Session, path: str) -> Medium | None:
    """The medium that was linked at that absolute path."""
    return session.scalar(select(Medium).where(Medium.path == path, Medium.linked).order_by(Medium.id.desc()))


def encounter_of(session: Session, key: str) -> Encounter | None:
    """The encounter of that key."""
    return session.scalar(select(Encounter).where(Encounter.key == key))


def encounter(
    session: Session,
    key: str,
    *,
    label: str | None,
    species: str | None,
    starts: datetime | None,
    place: Site | None,
    occasion: Survey | None,
) -> Encounter:
    """The encounter of that key, made if need be.

    What it lacked is filled in; its start moves back to the earliest that was told; what was known stays.
    """
    found = encounter_of(session, key)
    if found is None:
        found = Encounter(key=key)
        session.add(found)
    found.label = found.label or label
    if found.species is None and found.individual_id is None:
        found.species = species
    if starts is not None and (found.starts is None or starts < found.starts):
        found.starts = starts
    if place is not None and found.site_id is None:
        found.site_id = place.id
    if occasion is not None and found.survey_id is None:
        found.survey_id = occasion.id
    session.flush()
    return found


def annotation_at(
    session: Session, of: Medium, box: Box | None, name: str | None, frame: float | None = None
) -> Annotation | None:
    """The annotation of a medium that a table's row speaks of, or None if it is new.

    It is the one with the row's box, in a video the one in the row's frame. A photograph or video that was first
    added without a table has one annotation, the whole of it, of nobody; a row with a box then speaks of that one.

    Args:
        session: to look with.
        of: the medium.
        box: of the row.
        name: of the row's individual: among several in one box, the one of that name comes first.
        frame: of the row, in seconds from the video's start.
    """
    known = session.scalars(select(Annotation).where(Annotation.medium_id == of.id).order_by(Annotation.id)).all()
    same = [row for row in known if box_of(row) == box and row.frame == frame]
    if same:
        named = (row for row in same if row.encounter.individual and row.encounter.individual.name == name)
        unnamed = (row for row in same if row.encounter.individual is None)
        alone = same[0] if len(same) == 1 or name is None else None
        return next(named, None) or next(unnamed, None) or alone
    blank = (row for row in known if is_blank(row) and row.encounter.key == own_key(of))
    return next((row for row in blank if row.encounter.individual_id is None), None)


def new_annotation(
    session: Session, of: Medium, box: Box | None, meeting: Encounter, side: str | None
) -> Annotation:
    """An annotation of a medium."""
    row = Annotation(medium_id=of.id, encounter_id=meeting.id, orientation=side)
    set_box(session, row, box)
    session.add(row)
    session.flush()
    return row


def set_box(session: Session, row: Annotation, box: Box | None) -> None:
    """Draw an annotation's box; what was computed of another box is forgotten."""
    if row.id is not None and box_of(row) != box:
        session.execute(delete(Embedding).where(Embedding.annotation_id == row.id))
        session.execute(delete(Opinion).where(Opinion.annotation_id == row.id))
        row.quality, row.aside = None, False
    row.x, row.y, row.w, row.h, row.theta = (None,) * 5 if box is None else box


def move(session: Session, row: Annotation, meeting: Encounter) -> None:
    """Make an annotation one of another encounter, which learns from the old one what it lacks.

    The animal's sex and origin go over with the last picture only: one that is taken out may be of another one.
    """
    left = row.encounter
    if left is meeting:
        return
    meeting.species = meeting.species or left.species
    meeting.site_id = meeting.site_id or left.site_id
    meeting.survey_id = meeting.survey_id or left.survey_id
    if left.starts is not None and meeting.starts is None:
        meeting.starts = left.starts
    if session.scalar(select(func.count()).where(Annotation.encounter_id == left.id)) == 1:
        fill_in(session, meeting, sex=left.sex, origin=left.origin)
    row.encounter = meeting
    session.flush()
    _forget_if_empty(session, left)


def regroup(session: Session, rows: Sequence[Annotation], meeting: Encounter | None) -> Encounter:
    """Put annotations into an encounter where somebody says that they belong.

    Who the encounters are of stays as it was decided. A new encounter is at the place and time of the first
    annotation, of nobody known, and no rule joins it to another.

    Args:
        session: to write with.
        rows: the annotations.
        meeting: where to; None makes one.

    Returns:
        the encounter.
    """
    if meeting is None:
        first = rows[0]
        left = first.encounter
        meeting = encounter(
            session,
            f"regrouped {' '.join(str(row.id) for row in rows)} of {left.id} at {now().isoformat()}",
            label=None,
            species=left.species or (None if left.individual is None else left.individual.species),
            starts=first.medium.taken_at or left.starts,
            place=left.site,
            occasion=left.survey,
        )
    for row in rows:
        move(session, row, meeting)
    return meeting


def box_of(row: Annotation) -> Box | None:
    """An annotation's box; None for the whole picture."""
    if row.x is None or row.y is None or row.w is None or row.h is None:
        return None
    return Box(row.x, row.y, row.w, row.h, row.theta or 0.0)


def is_blank(row: Annotation) -> bool:
    """Whether it says no more than that the animal is in the photograph or video."""
    return row.x is None and row.frame is None


def own_key(of: Medium) -> str:
    """The key of the encounter that a photograph or video is by itself."""
    return f"{'photograph' if of.kind == 'photo' else of.kind} {of.sha256}"


def _forget_if_empty(session: Session, meeting: Encounter) -> None:
    remaining = session.scalar(select(Annotation.id).where(Annotation.encounter_id == meeting.id).limit(1))
    decided = session.scalar(select(Change.decision_id).where(Change.encounter_id == meeting.id).limit(1))
    told = session.scalar(select(Statement.id).where(Statement.encounter_id == meeting.id).limit(1))
    if remaining is None and decided is None and told is None:
        session.expire(meeting, ["annotations"])
        session.delete(meeting)
