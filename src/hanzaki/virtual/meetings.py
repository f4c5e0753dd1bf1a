"""Who is met at which survey of a virtual population, and what there is to photograph."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hanzaki.virtual.demography import Population, Survey
from hanzaki.virtual.lives import Life, everybody, presence

_ROAMING, _MEETING, _AWAY = 1, 2, 3  # streams of an individual's chance; 0 is its life


class _Meeting(NamedTuple):
    survey: int
    individual: int
    metre: float
    length_cm: float
    photographs: int


class Occasion(NamedTuple):
    """One animal met at one survey: what there is to photograph.

    Attributes:
        survey: Number of the survey, from 0.
        day: Its date.
        individual: Number of the animal, from 0: its row of `lives`.
        age: The animal's age in years, on that day.
        metre: Where it lies, in metres along the stream.
        photographs: How many are taken.
    """

    survey: int
    day: date
    individual: int
    age: float
    metre: float
    photographs: int


def surveys(population: Population) -> pd.DataFrame:
    """Tells when and where people looked: survey (from 0), date, effort, start and end in metres."""
    rows = [
        (number, s.day, s.effort, s.start, population.river.length if s.end is None else s.end)
        for number, s in enumerate(population.surveys)
    ]
    table = pd.DataFrame(rows, columns=["survey", "date", "effort", "start", "end"])
    table["date"] = pd.to_datetime(table["date"]).astype("datetime64[s]")
    return table


def captures(population: Population) -> pd.DataFrame:
    """Tells who was met: survey, individual, metre, length_cm (as measured), photographs (how many were taken).

    Ordered by survey and, as people walk upstream, by metre.
    """
    kinds: dict[str, Any] = {
        "survey": "int64",
        "individual": "int64",
        "metre": float,
        "length_cm": float,
        "photographs": "int64",
    }
    return pd.DataFrame(_meetings(population), columns=list(kinds)).astype(kinds)


def histories(population: Population) -> pd.DataFrame:
    """The encounter histories without any error of identification: 0 or 1, (individuals met, surveys), int8."""
    met = captures(population)
    table = pd.crosstab(met["individual"], met["survey"]).astype("int8")
    return table.reindex(columns=pd.RangeIndex(len(population.surveys), name="survey"), fill_value=0)


def abundance(population: Population) -> pd.DataFrame:
    """The true numbers at each survey, beside which an estimator's are to be laid.

    Returns:
        survey, date, N (there), survivors (there at the survey before too), B (entered since the survey before and
        still there; at the first survey, all), exposed (there, not away, and within the searched stretch), met.
    """
    there = presence(population).to_numpy()
    before = np.column_stack([np.zeros(len(there), bool), there[:, :-1]])
    exposed = np.zeros(len(population.surveys), int)
    for life in everybody(population):
        exposed += [_exposed(population, life, survey) is not None for survey in population.surveys]
    met = np.bincount([meeting.survey for meeting in _meetings(population)], minlength=len(exposed))
    numbers: dict[str, Any] = {
        "N": there.sum(axis=0),
        "survivors": (there & before).sum(axis=0),
        "B": (there & ~before).sum(axis=0),
        "exposed": exposed,
        "met": met,
    }
    return surveys(population)[["survey", "date"]].assign(**numbers)


def occasions(population: Population) -> Iterator[Occasion]:
    """Goes through all there is to photograph, in the order of `captures`."""
    alive = everybody(population)
    for meeting in _meetings(population):
        day = population.surveys[meeting.survey].day
        age = alive[meeting.individual].age(day)
        yield Occasion(meeting.survey, day, meeting.individual, age, meeting.metre, meeting.photographs)


def _exposed(population: Population, life: Life, survey: Survey) -> float | None:
    """Where a survey could meet an individual, in metres; None if it is dead, away or elsewhere."""
    if not life.there(survey.day):
        return None
    away = population.capture.away
    if away and population.chance(*life.key, _AWAY, survey.day.year).random() < away:
        return None
    swum = (
        population.river.sigma * population.chance(*life.key, _ROAMING, survey.day.toordinal()).standard_normal()
    )
    metre = population.river.inside(life.home + swum)
    return metre if survey.covers(metre) else None


@lru_cache(maxsize=8)
def _meetings(population: Population) -> tuple[_Meeting, ...]:
    meetings: list[_Meeting] = []
    for individual, life in enumerate(everybody(population)):
        meetings += _meetings_with(population, individual, life)
    return tuple(sorted(meetings, key=lambda meeting: (meeting.survey, meeting.metre, meeting.individual)))


def _meetings_with(population: Population, individual: int, life: Life) -> Iterator[_Meeting]:
    """Goes through the surveys with one individual, in order of time: a capture may change its response."""
    capture = population.capture
    met_before = False
    for number, survey in enumerate(population.surveys):
        metre = _exposed(population, life, survey)
        if metre is None:
            continue
        rng = population.chance(*life.key, _MEETING, survey.day.toordinal())
        if rng.random() < capture.chance(survey.effort, life.deviation, met_before):
            length = life.animal(survey.day).length_cm + capture.length_error * rng.standard_normal()
            photographs = 1 + int(rng.poisson(capture.photographs - 1.0))
            yield _Meeting(number, individual, metre, length, photographs)
            met_before = True
