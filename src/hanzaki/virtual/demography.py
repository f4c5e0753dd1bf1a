"""What governs a virtual population: who comes, how long they stay, where they live, and who looks for them when.

The symbols are the field's: phi (apparent survival), p (capture probability), b and B (entry), N (abundance), as
in the Jolly-Seber model (Jolly 1965; Seber 1965) and its superpopulation form POPAN (Crosbie & Manly 1985; Schwarz
& Arnason 1996); M_t, M_b and M_h, capture probabilities that vary with time, behaviour and individual, after Otis,
Burnham, White & Anderson (1978). `lives` and `meetings` tell what then happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit


def require(sound: bool, text: str) -> None:
    """Refuses, with a ValueError that says `text`, what is not sound."""
    if not sound:
        raise ValueError(text)


@dataclass(frozen=True)
class Rates:
    """What makes the population change, and of whom it consists.

    Attributes:
        survival: phi, the probability to be still there after a year, above 0 and at most 1. It is *apparent*
            survival: who emigrates for good is gone as who dies, and no survey can tell the two apart.
        recruits: Expected number a year of animals that hatched here and reach `RECRUIT_AGE`; a Poisson process.
        immigrants: Expected number a year of animals of any age that come from elsewhere; a Poisson process.
        hybrids: Share of hybrids among all who enter.
        chinese: Share of *Andrias davidianus* among all who enter.
        females: Share of females.
    """

    survival: float = 0.9
    recruits: float = 3.0
    immigrants: float = 1.0
    hybrids: float = 0.0
    chinese: float = 0.0
    females: float = 0.5

    def __post_init__(self) -> None:
        require(0.0 < self.survival <= 1.0, f"`survival` is {self.survival}: give a share a year, above 0, to 1.")
        for name in ("recruits", "immigrants"):
            number = getattr(self, name)
            require(0.0 <= number < np.inf, f"`{name}` is {number}: give how many a year, 0 or more.")
        for name in ("hybrids", "chinese", "females"):
            share = getattr(self, name)
            require(0.0 <= share <= 1.0, f"`{name}` is {share}: give a share from 0 to 1.")
        require(
            self.hybrids + self.chinese <= 1.0, "`hybrids` and `chinese` are more than all: lower one of them."
        )


@dataclass(frozen=True)
class Capture:
    """How likely an animal is to be met, where and when somebody looks.

    An animal in the surveyed stretch is met with probability 1 - (1 - p)^effort, where
    logit p = logit(`probability`) + `heterogeneity` z + `response` [met before], z standard normal per individual.

    Attributes:
        probability: p of the median animal, not met before, at effort 1.
        heterogeneity: Standard deviation between individuals on the logit scale (M_h); 0 for none.
        response: Added on the logit scale for ever after the first capture (M_b): below 0 trap-shy, above 0
            trap-happy.
        away: Probability to be out of reach for a whole calendar year: random temporary emigration between the
            primary periods of a robust design (Kendall, Nichols & Hines 1997).
        photographs: Mean number of photographs at a meeting: one, and a Poisson number more.
        length_error: Standard deviation in cm of the measured total length.
    """

    probability: float = 0.3
    heterogeneity: float = 0.0
    response: float = 0.0
    away: float = 0.0
    photographs: float = 3.0
    length_error: float = 1.0

    def __post_init__(self) -> None:
        for name in ("probability", "away"):
            chance = getattr(self, name)
            require(0.0 <= chance <= 1.0, f"`{name}` is {chance}: give a probability from 0 to 1.")
        for name in ("heterogeneity", "length_error"):
            spread = getattr(self, name)
            require(0.0 <= spread < np.inf, f"`{name}` is {spread}: give a standard deviation, 0 or more.")
        require(np.isfinite(self.response), f"`response` is {self.response}: give a difference of logits, as -1.")
        require(
            1.0 <= self.photographs < np.inf,
            f"`photographs` is {self.photographs}: a meeting leaves one photograph or more.",
        )

    def chance(self, effort: float, deviation: float, met_before: bool) -> float:
        """The probability to be met at a survey of some effort.

        Args:
            effort: Of the survey; twice the effort is worth two independent surveys.
            deviation: The individual's z.
            met_before: Whether it was met at an earlier survey.
        """
        p = float(expit(logit(self.probability) + self.heterogeneity * deviation + self.response * met_before))
        return float(1.0 - (1.0 - p) ** effort)


@dataclass(frozen=True)
class River:
    """The stretch that the population lives in, and how far its animals roam.

    Attributes:
        length: In metres along the stream.
        sigma: Standard deviation in metres of an animal's place about its home, along the stream: the sigma of
            spatial capture-recapture (Efford 2004). A plausible choice. *Andrias japonicus* keeps to one site
            from winter to spring, but moves some 200 m upstream on average before it breeds (Taguchi 2009,
            Japanese Journal of Ecology 59: 117-128); that journey is left out.
    """

    length: float = 1000.0
    sigma: float = 30.0

    def __post_init__(self) -> None:
        require(0.0 < self.length < np.inf, f"`length` is {self.length}: give the stream's metres, above 0.")
        require(0.0 <= self.sigma < np.inf, f"`sigma` is {self.sigma}: give metres, 0 or more.")

    def inside(self, metre: float) -> float:
        """Who swims beyond an end of the stretch turns there and comes back."""
        folded = metre % (2.0 * self.length)
        return min(folded, 2.0 * self.length - folded)


@dataclass(frozen=True)
class Survey:
    """One search of the stream, or of a part of it, on one day.

    Attributes:
        day: When.
        effort: How hard people look, 1 being the effort to which `Capture.probability` belongs (M_t).
        start: Where the searched stretch begins, in metres.
        end: Where it ends; None for the end of the stream.
    """

    day: date
    effort: float = 1.0
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        require(0.0 <= self.effort < np.inf, f"The survey of {self.day} has effort {self.effort}: give 0 or more.")
        end = np.inf if self.end is None else self.end
        require(0.0 <= self.start < end, f"The survey of {self.day} ends before it starts: give `start` < `end`.")

    def covers(self, metre: float) -> bool:
        """Whether a place lies in the searched stretch, its ends included."""
        return self.start <= metre and (self.end is None or metre <= self.end)


def yearly(first: date, years: int, days: int = 1, apart: int = 1, effort: float = 1.0) -> tuple[Survey, ...]:
    """Plans the same surveys every year: a robust design (Pollock 1982), the years its primary periods.

    Args:
        first: The first day of the first year; the others begin on the same day of the calendar (29 February: on
            the 28th).
        years: How many years.
        days: How many surveys a year.
        apart: Days from one survey of a year to the next.
        effort: Of each.

    Raises:
        ValueError: If a number is below 1.
    """
    require(min(years, days, apart) >= 1, "`years`, `days` and `apart` must be 1 or more.")
    day = first.replace(day=28) if (first.month, first.day) == (2, 29) else first
    begins = [day.replace(year=day.year + year) for year in range(years)]
    return tuple(Survey(begin + timedelta(days=apart * n), effort) for begin in begins for n in range(days))


@dataclass(frozen=True)
class Population:
    """What governs a population and its surveys; all that happens follows from it.

    Every individual has its own stream of chance, and in it every survey has its own, by its date. A survey more
    after the day on which the population begins leaves everybody's life and the other surveys as they were, except
    that a capture may change later ones where there is a `response` to it.

    Attributes:
        surveys: At least one, each on another day, in order of time.
        residents: N on the day it begins.
        begin: That day; None for the day of the first survey.
        rates: Of survival and entry.
        capture: Of meetings.
        river: The place.
        seed: From which everything follows; not negative.

    Raises:
        ValueError: If the parts do not fit together; the text says what to change.
    """

    surveys: tuple[Survey, ...]
    residents: int = 40
    begin: date | None = None
    rates: Rates = field(default_factory=Rates)
    capture: Capture = field(default_factory=Capture)
    river: River = field(default_factory=River)
    seed: int = 0

    def __post_init__(self) -> None:
        require(len(self.surveys) > 0, "A population that nobody looks at tells nothing: give a survey.")
        days = [survey.day for survey in self.surveys]
        require(
            all(earlier < later for earlier, later in pairwise(days)),
            "Two surveys are on one day or out of order: give each its own day, the earliest first.",
        )
        require(self.beginning <= days[0], f"The survey of {days[0]} is before `begin`: let it begin earlier.")
        require(self.residents >= 0, f"`residents` is {self.residents}: give 0 or more.")
        require(self.seed >= 0, f"`seed` is {self.seed}: give 0 or more.")
        for survey in self.surveys:
            end = survey.start if survey.end is None else survey.end
            require(
                survey.start < self.river.length and end <= self.river.length,
                f"The survey of {survey.day} leaves the stream of {self.river.length:g} m: change its stretch.",
            )

    @property
    def beginning(self) -> date:
        """The day from which on lives are told."""
        return self.begin or self.surveys[0].day

    def chance(self, *stream: int) -> np.random.Generator:
        """The generator of one stream of this population's chance."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *stream])))
