"""Who lives in the virtual stream, from when until when: the truth that a population estimate is after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.demography import Population, require
from hanzaki.virtual.pattern import Origin

RECRUIT_AGE = 5.0
"""Age in years at which an animal hatched here is first among those that a survey can meet: about 30 cm long."""

_OLDEST = 60.0  # years; no resident or immigrant is older when it enters
_YEAR = 365.25  # days
_FOR_EVER = 150.0  # years; who would stay longer than that never leaves
_LIFE = 0  # stream of an individual's chance; those of `meetings` have other numbers
_COLUMNS = ["individual", "sex", "origin", "arrival", "born", "entered", "left", "home", "deviation"]
_COLUMNS += ["asymptote_cm", "seed"]


@dataclass(frozen=True)
class Life:
    """One individual; `key` is its cohort (0: residents; then recruits and immigrants by turns) and its rank."""

    key: tuple[int, int]
    seed: int
    sex: str
    origin: Origin
    arrival: str
    born: date
    entered: date
    left: date | None
    home: float
    deviation: float
    asymptote: float

    def there(self, day: date) -> bool:
        """Whether it is in the population on a day."""
        return self.entered <= day and (self.left is None or day < self.left)

    def age(self, day: date) -> float:
        """Its age in years."""
        return (day - self.born).days / _YEAR

    def animal(self, day: date) -> Salamander:
        """The animal to be photographed."""
        return Salamander(self.seed, self.origin, self.age(day))


def lives(population: Population) -> pd.DataFrame:
    """Tells everybody's life: the gross superpopulation, which includes those that no survey could meet.

    Returns:
        A row per individual that entered until the last survey, in the order of entry, numbered from 0:
        individual, sex (female, male), origin (native, hybrid, chinese), arrival (resident, recruit, immigrant),
        born, entered, left (missing: not in the next 150 years), home (metres along the stream), deviation (z of
        `Capture`), asymptote_cm (of its `Growth`), seed (of its `Salamander`). It is there from the day on which
        it entered until the day before it left. Residents enter on the day when the population begins.
    """
    rows = [
        (i, x.sex, x.origin, x.arrival, x.born, x.entered, x.left, x.home, x.deviation, x.asymptote, x.seed)
        for i, x in enumerate(everybody(population))
    ]
    kinds = {"individual": "int64", "seed": "int64"} | dict.fromkeys(("sex", "origin", "arrival"), "str")
    kinds |= dict.fromkeys(("home", "deviation", "asymptote_cm"), "float64")  # of an empty population too
    table = pd.DataFrame(rows, columns=_COLUMNS).astype(kinds)
    for column in ("born", "entered", "left"):
        table[column] = pd.to_datetime(table[column]).astype("datetime64[s]")
    return table


def presence(population: Population) -> pd.DataFrame:
    """Who was there, met or not: bool, (individuals of `lives`, surveys).

    Column sums are N; the rows with any True are the superpopulation N* of POPAN.
    """
    there = [[life.there(survey.day) for survey in population.surveys] for life in everybody(population)]
    matrix = np.array(there, bool).reshape(-1, len(population.surveys))
    columns = pd.RangeIndex(len(population.surveys), name="survey")
    return pd.DataFrame(matrix, pd.RangeIndex(len(matrix), name="individual"), columns)


def salamander(population: Population, individual: int, age: float) -> Salamander:
    """The animal that bears an individual's number, at an age, to be photographed.

    Raises:
        ValueError: If the population has no such individual.
    """
    alive = everybody(population)
    require(0 <= individual < len(alive), f"There is no individual {individual}: take a number from `lives`.")
    return replace(alive[individual].animal(alive[individual].entered), age=age)


@lru_cache(maxsize=8)
def everybody(population: Population) -> tuple[Life, ...]:
    """Everybody who enters until the last survey: residents first, then whoever comes, in the order of coming."""
    alive = [
        _live(population, (0, rank), "resident", population.beginning) for rank in range(population.residents)
    ]
    last = population.surveys[-1].day
    years = int((last - population.beginning).days // _YEAR) + 1
    for year in range(years):
        newcomers = [
            _live(population, (2 * year + 1 + way, rank), arrival, entered)
            for way, arrival in enumerate(("recruit", "immigrant"))
            for rank, entered in enumerate(_entries(population, year, way))
        ]
        alive += sorted(newcomers, key=lambda life: (life.entered, life.key))
    return tuple(life for life in alive if life.entered <= last)


def _entries(population: Population, year: int, way: int) -> list[date]:
    """When recruits (way 0) or immigrants (1) enter in the n-th year: a Poisson number of days spread evenly."""
    rng = population.chance(2 * year + 1 + way, 0, _LIFE, 1)
    expected = (population.rates.recruits, population.rates.immigrants)[way]
    share = rng.random(rng.poisson(expected))
    # Whole days after the beginning: who enters on that day itself is a resident.
    return [population.beginning + timedelta(days=1 + int((year + s) * _YEAR)) for s in share]


def _live(population: Population, key: tuple[int, int], arrival: str, entered: date) -> Life:
    """Draws one life; all draws are made in any case: one rate changed leaves the other traits as they were."""
    rates = population.rates
    rng = population.chance(*key, _LIFE)
    female, origin, home, older = rng.random(4)
    deviation, patience = rng.standard_normal(), rng.standard_exponential()
    hazard = -np.log(rates.survival)
    years = patience / hazard if hazard > 0 else np.inf
    age = RECRUIT_AGE if arrival == "recruit" else _age_when_entering(older, hazard)
    seed = int(np.random.SeedSequence([population.seed, *key, _LIFE, 2]).generate_state(1, np.uint64)[0] >> 1)
    species: Origin = "native"
    if origin < rates.hybrids + rates.chinese:
        species = "hybrid" if origin < rates.hybrids else "chinese"
    return Life(
        key=key,
        seed=seed,
        sex="female" if female < rates.females else "male",
        origin=species,
        arrival=arrival,
        born=entered - timedelta(days=round(age * _YEAR)),
        entered=entered,
        left=entered + timedelta(days=int(np.ceil(years * _YEAR))) if years < _FOR_EVER else None,
        home=home * population.river.length,
        deviation=deviation,
        asymptote=Salamander(seed, species).growth.asymptote,
    )


def _age_when_entering(share: float, hazard: float) -> float:
    """Age at a quantile of a population at rest: exponential from `RECRUIT_AGE`, cut off at `_OLDEST`."""
    span = _OLDEST - RECRUIT_AGE
    if hazard * span < 1e-9:
        return RECRUIT_AGE + share * span
    return RECRUIT_AGE - float(np.log1p(-share * -np.expm1(-hazard * span))) / hazard
