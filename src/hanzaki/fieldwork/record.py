"""What a photograph or video shows, written down: its animals, their encounters, and who a table says they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from hanzaki.annotations import AnnotationRow
from hanzaki.catalogue import decisions, facts, records
from hanzaki.catalogue.tables import Annotation, Encounter, Medium
from hanzaki.errors import BadMedium
from hanzaki.settings import who


@dataclass(frozen=True)
class Circumstances:
    """What the user says of all photographs at once; where a table's row says otherwise, the row is believed."""

    species: str | None = None
    site: str | None = None
    survey: str | None = None


class Tally(Protocol):
    """What recording counts."""

    annotated: int
    kept: int
    skipped: list[BadMedium]


def record_medium(session: Session, medium: Medium, told: Circumstances) -> None:
    """Write down a photograph or video of which no table tells: an encounter of its own, one animal in it.

    One that the catalogue knew keeps its encounters; where one is its own, what it lacked is filled in.
    """
    key = records.own_key(medium)
    if records.encounter_of(session, key) is not None:
        _encounter(session, key, medium, AnnotationRow(medium.path), told)
    elif not medium.annotations:
        own = _encounter(session, key, medium, AnnotationRow(medium.path), told)
        records.new_annotation(session, medium, None, own, None)


def record_rows(
    session: Session,
    medium: Medium,
    rows: Sequence[AnnotationRow],
    told: Circumstances,
    table: str,
    file: Path,
    tally: Tally,
) -> None:
    """Write down what a table's rows tell of one photograph or video.

    What the catalogue did not know is filled in. A row's identity is a decision with the table as its origin; what
    was decided before stands.

    Args:
        session: to write with.
        medium: the photograph or video.
        rows: that speak of it.
        told: what holds for all photographs.
        table: the table's name, as the decisions' evidence.
        file: the photograph's file, for messages.
        tally: counts what was new, what stood against a decision, and what cannot be used.
    """
    for row in rows:
        if trouble := _trouble(medium, row):
            tally.skipped.append(BadMedium(file, trouble))
        else:
            _record_row(session, medium, row, _key(medium, row, alone=len(rows) == 1), told, table, tally)


def _trouble(medium: Medium, row: AnnotationRow) -> str | None:
    """Why a row cannot be true of its medium."""
    if row.bbox is not None and not row.bbox.meets(medium.width, medium.height):
        return f"the table's box {row.bbox} lies outside of it ({medium.width} x {medium.height} pixels)"
    if medium.seconds is None and row.frame is not None:
        return f"the table speaks of its frame at {row.frame:g} s, but it is no video"
    if medium.seconds is not None and row.frame is not None and row.frame > medium.seconds:
        return f"the table speaks of its frame at {row.frame:g} s, but it has {medium.seconds:.1f} s"
    if medium.seconds is not None and row.frame is None and row.bbox is not None:
        return "the table gives a box but no frame (seconds from the video's start) that it stands in"
    return None


def _record_row(
    session: Session,
    medium: Medium,
    row: AnnotationRow,
    key: str,
    told: Circumstances,
    table: str,
    tally: Tally,
) -> None:
    known = records.annotation_at(session, medium, row.bbox, row.identity, row.frame)
    if known is None:
        meeting = _encounter(session, key, medium, row, told)
        known = records.new_annotation(session, medium, row.bbox, meeting, row.orientation)
        news = True
    else:
        before = known.encounter_id, records.box_of(known), known.orientation
        meeting = _joined(session, medium, known, row, key, told)
        records.set_box(session, known, row.bbox)
        if row.orientation is not None and not facts.side_stands(session, known.id):
            known.orientation = row.orientation
        news = before != (meeting.id, row.bbox, known.orientation)
    known.frame = row.frame
    known.label = row.label or known.label
    known.confidence = row.confidence if known.confidence is None else known.confidence
    if row.quality is not None and known.quality is None:
        known.quality = {"score": row.quality}
    ours = row.identity is None or meeting.individual is None or meeting.individual.name == row.identity
    if row.identity is not None and decisions.named_by(session, meeting) in (None, decisions.MACHINE):
        ours = True  # the machine's word is none against a table's
        individual = records.individual(session, row.identity, meeting.species)
        evidence = {"table": table}
        decisions.assign(session, meeting, individual, who=who(), origin=decisions.TABLE, evidence=evidence)
        news = True
    elif not ours:
        tally.kept += 1
    if ours:
        news |= facts.fill_in(session, meeting, sex=row.sex, origin=row.origin)
    tally.annotated += news


def _joined(
    session: Session, medium: Medium, known: Annotation, row: AnnotationRow, key: str, told: Circumstances
) -> Encounter:
    """The encounter of an annotation that was known, after what the row tells of it.

    A photograph that stood for itself joins the encounter that the table names, unless somebody has decided on it.
    """
    meeting = known.encounter
    if meeting.key == records.own_key(medium) and meeting.individual_id is None and key != meeting.key:
        named = _encounter(session, key, medium, row, told)
        records.move(session, known, named)
        return named
    return _encounter(session, meeting.key, medium, row, told)


def _encounter(session: Session, key: str, medium: Medium, row: AnnotationRow, told: Circumstances) -> Encounter:
    site_name = row.site or told.site
    place = None if site_name is None else records.site(session, site_name)
    return records.encounter(
        session,
        key,
        label=row.encounter,
        species=row.species or told.species,
        starts=_start(medium, row),
        place=place,
        occasion=None if told.survey is None else records.survey(session, told.survey, place),
    )


def _start(medium: Medium, row: AnnotationRow) -> datetime | None:
    """The row's date is believed; one without an hour leaves that to the camera, if it agrees on the day."""
    if row.date is None:
        return medium.taken_at
    whole_day = row.date.time() == time.min
    if whole_day and medium.taken_at is not None and medium.taken_at.date() == row.date.date():
        return medium.taken_at
    return row.date


def _key(medium: Medium, row: AnnotationRow, alone: bool) -> str:
    """What makes an encounter one: the table's name for it and the animal, or else the photograph itself.

    Tables number their encounters from one again at every site and day, and may call one what several animals met.
    """
    if row.encounter is not None:
        day = None if row.date is None else row.date.date().isoformat()
        return "encounter " + json.dumps([row.encounter, row.identity, row.species, row.site, day])
    return records.own_key(medium) if alone else f"{records.own_key(medium)} {row.bbox} {row.identity}"
