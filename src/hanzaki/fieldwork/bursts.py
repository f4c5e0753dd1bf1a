"""Bursts: photographs of one camera that follow each other at once are of one encounter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hanzaki.ahead import batches
from hanzaki.catalogue import records
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.tables import Annotation, Encounter, Medium

#: Seconds between two photographs of one burst, if nothing else is said.
BURST = 10.0


def join_bursts(session: Session, media: Sequence[int], burst: float) -> int:
    """Join photographs into encounters by the time between them.

    Only photographs that stand for themselves join: of nobody known, of one animal each. They must be of one
    camera, site, survey and species, each within ``burst`` seconds of the one before. Whoever takes one out again
    (``hanzaki regroup``) gives it an encounter that never joins by itself.

    Args:
        session: to write with.
        media: of which no table has told.
        burst: seconds between one photograph and the next; 0 joins nothing.

    Returns:
        how many photographs joined the encounter of an earlier one.
    """
    if burst <= 0:
        return 0
    joined = 0
    for one, other in pairwise(_alone(session, media)):
        gap = _time(other) - _time(one)
        alike = _circumstances(one) == _circumstances(other) and one.encounter is not other.encounter
        if alike and gap <= timedelta(seconds=burst):
            records.move(session, other, one.encounter)
            joined += 1
    return joined


def _alone(session: Session, media: Sequence[int]) -> list[Annotation]:
    """Annotations of photographs that show one animal, of nobody, in an encounter that a photograph made."""
    rows: list[Annotation] = []
    for chunk in batches(media, IN_CHUNK):
        query = (
            select(Annotation)
            .join(Annotation.medium)
            .join(Annotation.encounter)
            .where(
                Medium.id.in_(chunk),
                Medium.kind == "photo",
                Medium.taken_at.is_not(None),
                Encounter.individual_id.is_(None),
                Encounter.key.startswith("photograph "),
            )
            .options(joinedload(Annotation.medium), joinedload(Annotation.encounter))
        )
        rows += session.scalars(query)
    shown: dict[int, int] = {}
    for row in rows:
        shown[row.medium_id] = shown.get(row.medium_id, 0) + 1
    single = [row for row in rows if shown[row.medium_id] == 1]
    return sorted(single, key=lambda row: (repr(_circumstances(row)), _time(row), row.medium.name, row.id))


def _circumstances(row: Annotation) -> tuple[object, ...]:
    meeting = row.encounter
    return row.medium.camera, meeting.site_id, meeting.survey_id, meeting.species, meeting.sex, meeting.origin


def _time(row: Annotation) -> datetime:
    return row.medium.taken_at or datetime.min  # never: they were chosen by having one
