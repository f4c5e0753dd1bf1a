"""The catalogue's annotations as one table, and the descriptions that were computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hanzaki.ahead import batches
from hanzaki.catalogue.tables import Annotation, Embedding, Encounter, Individual, Medium, Site, Survey

_IN_CHUNK = 900  # SQLite's older limit of variables in a statement is 999


def annotation_table(session: Session) -> pd.DataFrame:
    """Every annotation of the catalogue with what matching asks of it, in order of the annotations.

    Returns:
        Columns ``annotation encounter individual individual_id species side site seen medium name path``; missing
        values are None. ``seen`` is when the encounter began, or else when the picture was taken.
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
        )
        .join(Encounter, Annotation.encounter_id == Encounter.id)
        .join(Medium, Annotation.medium_id == Medium.id)
        .outerjoin(Individual, Encounter.individual_id == Individual.id)
        .outerjoin(Site, Encounter.site_id == Site.id)
        .order_by(Annotation.id)
    )
    return _frame(session, query)


def encounter_table(session: Session) -> pd.DataFrame:
    """Every encounter: ``encounter label individual species site survey starts photographs``."""
    photographs = (
        select(Annotation.encounter_id, func.count().label("photographs"))
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


def described(session: Session, model: str) -> set[int]:
    """The annotations that a model has described."""
    return set(session.scalars(select(Embedding.annotation_id).where(Embedding.model == model)))


def descriptions(session: Session, model: str, annotations: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    """What a model made of annotations: kind and bytes by annotation; those it has not described are left out."""
    found: dict[int, tuple[str, bytes]] = {}
    for chunk in batches(annotations, _IN_CHUNK):
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
