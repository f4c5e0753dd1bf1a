"""Rows found or made: what adding photographs and tables writes into a catalogue.

Everything here is told twice without harm: what is there already is found, not doubled.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hanzaki.boxes import Box
from hanzaki.catalogue.decisions import individual_named, new_individual
from hanzaki.catalogue.tables import Annotation, Change, Embedding, Encounter, Individual, Medium, Site, Survey


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
        found = Encounter(key=key, label=label)
        session.add(found)
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


def annotation(
    session: Session, of: Medium, box: Box | None, meeting: Encounter, orientation: str | None
) -> tuple[Annotation, bool]:
    """The annotation of a medium at a box, made if need be.

    A photograph that was first added without a table has one annotation, the whole picture, of nobody. A table
    that comes later fills that one in and moves it to its own encounter, instead of standing a second one beside
    it; once somebody has decided who it is, it stays as it is.

    Returns:
        The annotation, and whether anything about it was new.
    """
    whole = None
    for row in session.scalars(select(Annotation).where(Annotation.medium_id == of.id).order_by(Annotation.id)):
        if box_of(row) == box and (box is not None or row.encounter_id == meeting.id):
            return row, False
        if row.x is None and row.encounter.key == own_key(of):
            whole = row
    if whole is not None and whole.encounter.individual_id is not None:
        if box is None:
            return whole, False
        whole = None
    if whole is None:
        row = Annotation(medium_id=of.id, encounter_id=meeting.id, orientation=orientation)
        _set_box(row, box)
        session.add(row)
    else:
        row, left = whole, whole.encounter
        row.encounter, row.orientation = meeting, orientation
        _set_box(row, box)
        session.execute(delete(Embedding).where(Embedding.annotation_id == row.id))
        session.flush()
        _forget_if_empty(session, left)
    session.flush()
    return row, True


def box_of(row: Annotation) -> Box | None:
    """An annotation's box; None for the whole picture."""
    if row.x is None or row.y is None or row.w is None or row.h is None:
        return None
    return Box(row.x, row.y, row.w, row.h)


def own_key(of: Medium) -> str:
    """The key of the encounter that a photograph is by itself."""
    return f"photograph {of.sha256}"


def _set_box(row: Annotation, box: Box | None) -> None:
    row.x, row.y, row.w, row.h = (None, None, None, None) if box is None else box


def _forget_if_empty(session: Session, meeting: Encounter) -> None:
    remaining = session.scalar(select(Annotation.id).where(Annotation.encounter_id == meeting.id).limit(1))
    decided = session.scalar(select(Change.decision_id).where(Change.encounter_id == meeting.id).limit(1))
    if remaining is None and decided is None:
        session.expire(meeting, ["annotations"])
        session.delete(meeting)
