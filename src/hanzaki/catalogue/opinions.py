"""What classifiers say of annotations: the machine's word, kept beside what people told and never over it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from hanzaki.ahead import batches
from hanzaki.catalogue.engine import IN_CHUNK
from hanzaki.catalogue.tables import Annotation, Encounter, Medium, Opinion

#: Whose word it is: each picture's, or the mean over those of an encounter or individual.
Unit = Literal["annotation", "encounter", "individual"]

_UNIT_OF = {"annotation": Annotation.id, "encounter": Encounter.id, "individual": Encounter.individual_id}
_DIGITS = 6


@dataclass(frozen=True)
class Word:
    """What the machine says of a picture, encounter or individual.

    Attributes:
        value: the most probable answer.
        probability: of it.
        shares: how probable every answer is.
        sure: whether that is as probable as it had to be to count, when the model was asked.
        model: the model's fingerprint.
        pictures: over how many pictures the mean was taken.
    """

    value: str
    probability: float
    shares: Mapping[str, float]
    sure: bool
    model: str
    pictures: int


def keep(
    session: Session, model: str, label: str, annotation: int, shares: Mapping[str, float], sure: float
) -> None:
    """Keep what a model says of an annotation; what it said of it before is replaced.

    Args:
        session: to write with.
        model: its fingerprint.
        label: what it tells of.
        annotation: the annotation's number.
        shares: how probable each answer is.
        sure: how probable the first must be to count.
    """
    row = Opinion(model=model, annotation_id=annotation, label=label, sure=sure)
    row.shares = rounded(shares)
    row.at = datetime.now(UTC).replace(tzinfo=None)
    session.merge(row)


def rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Probabilities as they are kept."""
    return {value: round(float(share), _DIGITS) for value, share in shares.items()}


def untold(session: Session, model: str) -> list[int]:
    """The annotations that a model could tell of and has not, in their order."""
    known = select(Opinion.annotation_id).where(Opinion.model == model)
    query = select(Annotation.id).join(Medium, Annotation.medium_id == Medium.id)
    watched = (Medium.kind != "video") | Annotation.frame.is_not(None)
    return list(session.scalars(query.where(watched, Annotation.id.not_in(known)).order_by(Annotation.id)))


def told(session: Session, model: str, annotations: Sequence[int]) -> dict[int, dict[str, float]]:
    """What a model said of annotations; those that it has not told of are left out."""
    found: dict[int, dict[str, float]] = {}
    for chunk in batches(annotations, IN_CHUNK):
        query = select(Opinion.annotation_id, Opinion.shares).where(
            Opinion.model == model, Opinion.annotation_id.in_(chunk)
        )
        found.update((annotation, shares) for annotation, shares in session.execute(query))
    return found


def count(session: Session, model: str) -> int:
    """Of how many annotations a model has told."""
    return session.scalar(select(func.count()).where(Opinion.model == model)) or 0


def make_sure(session: Session, model: str, sure: float, annotations: Sequence[int] | None = None) -> None:
    """Let what a model said before count from another probability on.

    Args:
        session: to write with.
        model: its fingerprint.
        sure: how probable an answer must be.
        annotations: of these only; None takes all.
    """
    chunks = [None] if annotations is None else batches(annotations, IN_CHUNK)
    for chunk in chunks:
        statement = update(Opinion).where(Opinion.model == model, Opinion.sure != sure).values(sure=sure)
        session.execute(statement if chunk is None else statement.where(Opinion.annotation_id.in_(chunk)))


def forget(session: Session, model: str) -> int:
    """Take back all that a model said; returns of how many annotations."""
    known = count(session, model)
    session.execute(delete(Opinion).where(Opinion.model == model))
    return known


def words(session: Session, label: str, by: Unit, *where: ColumnElement[bool]) -> dict[int, Word]:
    """What the newest model says of each picture, encounter or individual.

    An encounter's or individual's word is the mean over those of its pictures that the model told of, without the
    ones that were set aside if it has others.

    Args:
        session: to read with.
        label: what is told of.
        by: whose word.
        where: conditions on opinions, annotations and encounters.
    """
    unit = _UNIT_OF[by]
    query = (
        select(unit, Opinion.model, Opinion.shares, Opinion.sure, Annotation.aside)
        .join(Annotation, Opinion.annotation_id == Annotation.id)
        .join(Encounter, Annotation.encounter_id == Encounter.id)
        .where(Opinion.label == label, unit.is_not(None), *where)
        .order_by(Opinion.at)
    )
    newest: dict[int | None, str] = {}
    said: dict[tuple[int | None, str], list[tuple[Mapping[str, float], bool]]] = defaultdict(list)
    least: dict[tuple[int | None, str], float] = defaultdict(float)
    for number, model, shares, sure, aside in session.execute(query):
        newest[number] = model
        said[number, model].append((shares, aside))
        least[number, model] = max(least[number, model], sure)
    return {
        number: word_of(said[number, model], least[number, model], model)
        for number, model in newest.items()
        if number is not None
    }


def word_of(said: Sequence[tuple[Mapping[str, float], bool]], sure: float, model: str) -> Word:
    """The mean of what a model says of one animal's pictures.

    Args:
        said: how probable every answer is by each picture, and whether that picture was set aside.
        sure: how probable the first must be to count.
        model: its fingerprint.
    """
    good = [shares for shares, aside in said if not aside] or [shares for shares, _ in said]
    mean = {value: fmean(shares[value] for shares in good) for value in good[0]}
    value = max(mean, key=mean.__getitem__)
    return Word(value, mean[value], mean, mean[value] >= sure, model, len(good))
