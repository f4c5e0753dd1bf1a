"""Where and when each individual was met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from hanzaki.matching.evidence import kilometres

Place = tuple[float, float]


@dataclass(frozen=True)
class Seen:
    """When an individual was met at a site.

    Attributes:
        site: its name; None = nobody wrote it down.
        first: day.
        last: day.
        encounters: how many.
    """

    site: str | None
    first: date | None
    last: date | None
    encounters: int


@dataclass(frozen=True)
class Meeting:
    """One encounter with an individual: its number, site, day, and where its photographs were taken."""

    encounter: int
    site: str | None
    day: date | None
    places: tuple[Place, ...]


class History:
    """Every meeting with every individual, the latest first.

    Args:
        table: the catalogue's annotations, see ``annotation_table``.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._meetings: dict[int, list[Meeting]] = defaultdict(list)
        named = table[table["individual_id"].notna()]
        for encounter, rows in named.groupby("encounter", sort=True):
            days = [moment.date() for moment in rows["seen"] if not pd.isna(moment)]
            site = rows["site"].iloc[0]
            met = Meeting(int(str(encounter)), site, min(days, default=None), places_of(rows))
            self._meetings[int(rows["individual_id"].iloc[0])].append(met)
        for meetings in self._meetings.values():
            meetings.sort(key=lambda met: (met.day is not None, met.day or date.min, met.encounter), reverse=True)

    def of(self, individual: int, but: Collection[int] = ()) -> list[Meeting]:
        """The meetings with an individual, the latest first, without some encounters."""
        return [met for met in self._meetings.get(individual, ()) if met.encounter not in but]

    def last_site(self, individual: int, but: Collection[int] = ()) -> str | None:
        """Where an individual was met last, as far as that was written down."""
        return next((met.site for met in self.of(individual, but) if met.site is not None), None)


def seen_by_site(meetings: Iterable[Meeting]) -> tuple[Seen, ...]:
    """Meetings by site, the site of the latest first.

    Args:
        meetings: the latest first.
    """
    sites: dict[str | None, list[Meeting]] = {}
    for met in meetings:
        sites.setdefault(met.site, []).append(met)
    return tuple(
        Seen(site, min(days, default=None), max(days, default=None), len(some))
        for site, some in sites.items()
        for days in [[met.day for met in some if met.day is not None]]
    )


def nearest(places: Sequence[Place], meetings: Iterable[Meeting]) -> float | None:
    """Kilometres from any of some places to the nearest meeting; None where either is not known."""
    met = [place for meeting in meetings for place in meeting.places]
    if not places or not met:
        return None
    return float(kilometres(np.array(places, float)[:, None], np.array(met, float)[None]).min())


def places_of(rows: pd.DataFrame) -> tuple[Place, ...]:
    """The distinct places of annotations, latitude and longitude in degrees."""
    known = rows[rows["latitude"].notna() & rows["longitude"].notna()]
    return tuple(dict.fromkeys(zip(known["latitude"].tolist(), known["longitude"].tolist(), strict=True)))
