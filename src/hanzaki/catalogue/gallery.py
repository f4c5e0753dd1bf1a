"""The catalogue's annotations as one table, and the descriptions that were computed of them.

What counts of an animal's species and of the side that is seen is what a person or a table told, or else what the
newest classifier is sure of. Here the two come together; nowhere is the machine's word written over a person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from hanzaki.ahead import batches
from hanzaki.catalogue import facts, opinions
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.records import box_of
from hanzaki.catalogue.tables import Annotation, Embedding, Encounter, Individual, Medium, Site, Survey

#: What is told of an encounter and of a picture, by column of their listings, and what classifiers call it.
_OF_ANIMAL = {"individual": "individual", "species": "species", "sex": "sex", "origin": "origin"}
_OF_PICTURE = {"side": facts.SIDE, "quality": "quality"}


def annotation_table(session: Session) -> pd.DataFrame:
    """Every annotation of the catalogue with what matching asks of it, in order of the annotations.

    Returns:
        Columns ``annotation encounter individual individual_id species side sex individual_sex site seen latitude
        longitude medium name path aside unwatched``; missing values are None. ``species``, ``side`` and ``sex``
        are what counts of them; ``sex`` is of the encounter by itself, ``individual_sex`` what was told of the
        animal itself; ``seen`` is when the encounter began, or else when the picture was taken; the place is where
        the picture was taken, or else its site; ``unwatched`` is an animal somewhere in a video, that nobody has
        looked for yet. Who is retired is nobody.
    """
    told = facts.of_individuals()
    located = Medium.latitude.is_not(None)
    query = (
        select(
            Annotation.id.label("annotation"),
            Annotation.encounter_id.label("encounter"),
            Individual.name.label("individual"),
            Individual.id.label("individual_id"),
            func.coalesce(Encounter.species, told.c.species).label("species"),
            Annotation.orientation.label("side"),
            Encounter.sex.label("sex"),
            Individual.sex.label("individual_sex"),
            Site.name.label("site"),
            func.coalesce(Encounter.starts, Medium.taken_at).label("seen"),
            case((located, Medium.latitude), else_=Site.latitude).label("latitude"),
            case((located, Medium.longitude), else_=Site.longitude).label("longitude"),
            Medium.id.label("medium"),
            Medium.name,
            Medium.path,
            Annotation.aside,
            is_unwatched().label("unwatched"),
        )
        .join(Encounter, Annotation.encounter_id == Encounter.id)
        .join(Medium, Annotation.medium_id == Medium.id)
        .outerjoin(Individual, and_(Encounter.individual_id == Individual.id, Individual.retired.is_(False)))
        .outerjoin(told, told.c.individual_id == Encounter.individual_id)
        .outerjoin(Site, Encounter.site_id == Site.id)
        .order_by(Annotation.id)
    )
    frame = _frame(session, query)
    species = opinions.words(session, "species", "encounter", Encounter.species.is_(None))
    _fill(frame, "species", frame["encounter"], species)
    sides = opinions.words(session, facts.SIDE, "annotation", Annotation.orientation.is_(None))
    _fill(frame, "side", frame["annotation"], sides)
    sexes = opinions.words(session, "sex", "encounter", Encounter.sex.is_(None))
    _fill(frame, "sex", frame["encounter"], sexes)
    return frame


def picture_table(session: Session, encounter: int) -> pd.DataFrame:
    """The pictures of an encounter: ``picture file frame box label side confidence quality aside``.

    What classifiers say stands in columns of its own, see :func:`add_words`.
    """
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
            row.orientation,
            None if row.confidence is None else round(row.confidence, 2),
            None if row.quality is None else round(row.quality["score"], 2),
            "aside" if row.aside else None,
        )
        for row, name in session.execute(query)
    ]
    names = ["picture", "file", "frame", "box", "label", "side", "confidence", "quality", "aside"]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    shown = Annotation.encounter_id == encounter
    for column, label in (_OF_PICTURE | _OF_ANIMAL).items():
        add_words(frame, column, frame["picture"], opinions.words(session, label, "annotation", shown))
    return frame


def encounter_table(session: Session) -> pd.DataFrame:
    """Every encounter: ``encounter label individual species sex origin site survey starts photographs``.

    Species, sex and origin are what was told of it or of its individual. What classifiers say stands in columns of
    its own, see :func:`add_words`.
    """
    told = facts.of_individuals()
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
            *(func.coalesce(getattr(Encounter, fact), told.c[fact]).label(fact) for fact in facts.FACTS),
            Site.name.label("site"),
            Survey.name.label("survey"),
            Encounter.starts,
            func.coalesce(photographs.c.photographs, 0).label("photographs"),
        )
        .outerjoin(Individual, Encounter.individual_id == Individual.id)
        .outerjoin(told, told.c.individual_id == Encounter.individual_id)
        .outerjoin(Site, Encounter.site_id == Site.id)
        .outerjoin(Survey, Encounter.survey_id == Survey.id)
        .outerjoin(photographs, photographs.c.encounter_id == Encounter.id)
        .order_by(Encounter.id)
    )
    frame = _frame(session, query)
    for column, label in _OF_ANIMAL.items():
        add_words(frame, column, frame["encounter"], opinions.words(session, label, "encounter"))
    return frame


def told_of_encounters(session: Session, label: str, encounters: Sequence[int]) -> dict[int, str]:
    """What people and tables told of encounters, where they did.

    Args:
        session: to read with.
        label: ``individual``, ``species``, ``sex`` or ``origin``.
        encounters: their numbers.
    """
    told = facts.of_individuals()
    known = Individual.name if label == "individual" else func.coalesce(getattr(Encounter, label), told.c[label])
    found: dict[int, str] = {}
    for chunk in batches(encounters, IN_CHUNK):
        query = (
            select(Encounter.id, known)
            .outerjoin(Individual, Encounter.individual_id == Individual.id)
            .outerjoin(told, told.c.individual_id == Encounter.individual_id)
            .where(Encounter.id.in_(chunk), known.is_not(None))
        )
        found.update((encounter, value) for encounter, value in session.execute(query))
    return found


def individual_table(session: Session) -> pd.DataFrame:
    """Every individual that is not retired: ``individual species sex origin encounters photographs first last``.

    What classifiers say, by the mean over all its pictures, stands in columns of its own, see :func:`add_words`.
    """
    told = facts.of_individuals()
    query = (
        select(
            Individual.id.label("number"),
            Individual.name.label("individual"),
            *(told.c[fact] for fact in facts.FACTS),
            func.count(Encounter.id.distinct()).label("encounters"),
            func.count(Annotation.id).label("photographs"),
            func.min(Encounter.starts).label("first"),
            func.max(Encounter.starts).label("last"),
        )
        .join(told, told.c.individual_id == Individual.id)
        .outerjoin(Encounter, Encounter.individual_id == Individual.id)
        .outerjoin(Annotation, Annotation.encounter_id == Encounter.id)
        .where(Individual.retired.is_(False))
        .group_by(Individual.id, *(told.c[fact] for fact in facts.FACTS))
        .order_by(Individual.species, Individual.name)
    )
    frame = _frame(session, query)
    numbers = frame.pop("number")
    for fact in facts.FACTS:
        add_words(frame, fact, numbers, opinions.words(session, fact, "individual"))
    return frame


def add_words(frame: pd.DataFrame, column: str, units: pd.Series, words: Mapping[int, opinions.Word]) -> None:
    """Put what the machine says beside a column of what people told.

    Args:
        frame: gets the columns ``COLUMN_by_machine COLUMN_probability COLUMN_sure COLUMN_model``, which are
            missing where no classifier has told.
        column: of what people told.
        units: the number of the encounter, picture or individual of every row.
        words: what the machine says, by that number.
    """
    said = [words.get(number) for number in units]
    parts = {
        "by_machine": [None if word is None else word.value for word in said],
        "probability": [None if word is None else round(word.probability, 4) for word in said],
        "sure": [None if word is None else word.sure for word in said],
        "model": [None if word is None else word.model for word in said],
    }
    for part, values in parts.items():
        frame[f"{column}_{part}"] = pd.Series(values, dtype=object)


def _fill(frame: pd.DataFrame, column: str, units: pd.Series, words: Mapping[int, opinions.Word]) -> None:
    """Fill in where nobody told what the machine is sure of."""
    sure = {number: word.value for number, word in words.items() if word.sure}
    frame[column] = pd.Series(
        [sure.get(number) if value is None else value for number, value in zip(units, frame[column], strict=True)],
        dtype=object,
    )


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
