"""What a photograph shows, written down: its animals, their encounters, and who a table says they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hanzaki.annotations import AnnotationRow
from hanzaki.catalogue import decisions, records
from hanzaki.catalogue.tables import Encounter, Medium
from hanzaki.settings import who


@dataclass(frozen=True)
class Circumstances:
    """What the user says of all photographs at once; where a table's row says otherwise, the row is believed."""

    species: str | None = None
    site: str | None = None
    survey: str | None = None


def record_photograph(session: Session, medium: Medium, told: Circumstances) -> None:
    """Write down a photograph of which no table tells: an encounter of its own, one animal in the whole picture.

    A photograph that the catalogue knew keeps its encounters; where one is its own, what it lacked is filled in.
    """
    key = records.own_key(medium)
    own = records.encounter_of(session, key)
    if own is None and medium.annotations:
        return
    own = _encounter(session, key, medium, AnnotationRow(medium.path), told)
    records.annotation(session, medium, None, own, None)


def record_rows(
    session: Session, medium: Medium, rows: Sequence[AnnotationRow], told: Circumstances, table: str
) -> int:
    """Write down the animals that a table's rows show in one photograph.

    A row's identity is a decision with the table as its origin; an encounter decided before stays so.

    Returns:
        How many annotations were new.
    """
    new = 0
    for row in rows:
        key = _key(medium, row, alone=len(rows) == 1)
        meeting = _encounter(session, key, medium, row, told)
        _, is_new = records.annotation(session, medium, row.bbox, meeting, row.orientation)
        new += is_new
        if row.identity is not None and is_new and meeting.individual_id is None:
            decisions.assign(
                session,
                meeting,
                records.individual(session, row.identity, meeting.species),
                who=who(),
                origin=decisions.TABLE,
                evidence={"table": table},
            )
    return new


def _encounter(session: Session, key: str, medium: Medium, row: AnnotationRow, told: Circumstances) -> Encounter:
    site_name = row.site or told.site
    place = None if site_name is None else records.site(session, site_name)
    return records.encounter(
        session,
        key,
        label=row.encounter,
        species=row.species or told.species,
        starts=medium.taken_at or row.date,
        place=place,
        occasion=None if told.survey is None else records.survey(session, told.survey, place),
    )


def _key(medium: Medium, row: AnnotationRow, alone: bool) -> str:
    """What makes an encounter one: the table's name for it and the animal, or else the photograph itself.

    Tables number their encounters from one again at every site and day, and may call one what several animals met.
    """
    if row.encounter is not None:
        day = None if row.date is None else row.date.date().isoformat()
        return "encounter " + json.dumps([row.encounter, row.identity, row.species, row.site, day])
    return records.own_key(medium) if alone else f"{records.own_key(medium)} {row.bbox} {row.identity}"
