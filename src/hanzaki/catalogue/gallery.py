"""The catalogue's annotations as one table, and the descriptions that were computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from hanzaki.ahead import batches
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.records import box_of
from hanzaki.catalogue.tables import Annotation, Embedding, Encounter, Individual, Medium, Site, Survey


def annotation_table(session: Session) -> pd.DataFrame:
    """Every annotation of the catalogue with what matching asks of it, in order of the annotations.

    Returns:
        Columns ``annotation encounter individual individual_id species side site seen medium name path aside
        unwatched``; missing values are None. ``seen`` is when the encounter began, or else when the picture was
        taken; ``unwatched`` is an animal somewhere in a video, that nobody has looked for yet.
    """
    query = (
        select(
            Annotation.id.label("annotation"),
            Annotation.encounter_id.label("encounter"),
            Individual.name.label("individual"),
            Encounter.individual_id,
            Encounter.species,
            Annotation.orientation.label("side"),
            Site.name.label("site"),
            func.coalesce(Encounter.starts, Medium.taken_at).label("seen"),
            Medium.id.label("medium"),
            Medium.name,
            Medium.path,
            Annotation.aside,
            is_unwatched().label("unwatched"),
        )
        .join(Encounter, Annotation.encounter_id == Encounter.id)
        .join(Medium, Annotation.medium_id == Medium.id)
        .outerjoin(Individual, Encounter.individual_id == Individual.id)
        .outerjoin(Site, Encounter.site_id == Site.id)
        .order_by(Annotation.id)
    )
    return _frame(session, query)


def picture_table(session: Session, encounter: int) -> pd.DataFrame:
    """The pictures of an encounter: ``picture file frame box label confidence quality aside``."""
    query = (
        select(Annotation, Medium.name)
        .join(Medium, Annotation.medium_id == Medium.id)
        .where(Annotation.encounter_id == encounter)
        .order_by(Annotation.id)
    )
    rows = [
        (
            row.id,
            name,
            None if row.frame is None else round(row.frame, 2),
            None if (box := box_of(row)) is None else " ".join(f"{side:.0f}" for side in box[:4]),
            row.label,
            None if row.confidence is None else round(row.confidence, 2),
            None if row.quality is None else round(row.quality["score"], 2),
            "aside" if row.aside else None,
        )
        for row, name in session.execute(query)
    ]
    names = ["picture", "file", "frame", "box", "label", "confidence", "quality", "aside"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def encounter_table(session: Session) -> pd.DataFrame:
    """Every encounter: ``encounter label individual species site survey starts photographs``."""
    photographs = (
        select(Annotation.encounter_id, func.count().label("photographs"))
        .join(Medium, Annotation.medium_id == Medium.id)
        .where(~is_unwatched())
        .group_by(Annotation.encounter_id)
        .subquery()
    )
    query = (
        select(
            Encounter.id.label("encounter"),
            Encounter.label,
            Individual.name.label("individual"),
            Encounter.species,
            Site.name.label("site"),
            Survey.name.label("survey"),
            Encounter.starts,
            func.coalesce(photographs.c.photographs, 0).label("photographs"),
        )
        .outerjoin(Individual, Encounter.individual_id == Individual.id)
        .outerjoin(Site, Encounter.site_id == Site.id)
        .outerjoin(Survey, Encounter.survey_id == Survey.id)
        .outerjoin(photographs, photographs.c.encounter_id == Encounter.id)
        .order_by(Encounter.id)
    )
    return _frame(session, query)


def individual_table(session: Session) -> pd.DataFrame:
    """Every individual that is not retired: ``individual species sex encounters photographs first last``."""
    query = (
        select(
            Individual.name.label("individual"),
            Individual.species,
            Individual.sex,
            func.count(Encounter.id.distinct()).label("encounters"),
            func.count(Annotation.id).label("photographs"),
            func.min(Encounter.starts).label("first"),
            func.max(Encounter.starts).label("last"),
        )
        .outerjoin(Encounter, Encounter.individual_id == Individual.id)
        .outerjoin(Annotation, Annotation.encounter_id == Encounter.id)
        .where(Individual.retired.is_(False))
        .group_by(Individual.id)
        .order_by(Individual.species, Individual.name)
    )
    return _frame(session, query)


def is_unwatched() -> ColumnElement[bool]:
    """Of an annotation joined with its medium: whether it is of a video in which nobody has looked yet."""
    return and_(Medium.kind == "video", Annotation.frame.is_(None))


def undescribed(session: Session, model: str) -> list[int]:
    """The annotations that a model could describe and has not, in their order."""
    known = select(Embedding.annotation_id).where(Embedding.model == model)
    query = (
        select(Annotation.id)
        .join(Medium, Annotation.medium_id == Medium.id)
        .where(~is_unwatched(), Annotation.id.not_in(known))
        .order_by(Annotation.id)
    )
    return list(session.scalars(query))


def described(session: Session, model: str) -> set[int]:
    """The annotations that a model has described."""
    return set(session.scalars(select(Embedding.annotation_id).where(Embedding.model == model)))


def descriptions(session: Session, model: str, annotations: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    """What a model made of annotations: kind and bytes by annotation; those it has not described are left out."""
    found: dict[int, tuple[str, bytes]] = {}
    for chunk in batches(annotations, IN_CHUNK):
        rows = session.execute(
            select(Embedding.annotation_id, Embedding.kind, Embedding.data).where(
                Embedding.model == model, Embedding.annotation_id.in_(chunk)
            )
        )
        found.update({annotation: (kind, data) for annotation, kind, data in rows})
    return found


def _frame(session: Session, query: Select[*tuple[Any, ...]]) -> pd.DataFrame:
    names = [column["name"] for column in query.column_descriptions]
    rows = [tuple(row) for row in session.execute(query)]
    return pd.DataFrame(rows, columns=names, dtype=object)
