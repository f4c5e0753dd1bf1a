"""Who is filmed and photographed when: all that a stream's surveys will bring, in the order of their times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.pattern import Origin
from hanzaki.virtual.population import FIRST_SURVEY, HOURS, Sex, animal_seed, animal_sex, phone_place
from hanzaki.virtual.scene import DAYLIGHTS, DayLight
from hanzaki.virtual.smartphone import TURNED, UPRIGHT, Shot

_PASSED_BY = 0.10  # share of the clips in which a second animal passes
_UPRIGHT = 0.25  # share of the clips and photographs for which the phone is held upright
_WHOLE = 0.4  # share of the photographs that show the whole animal


@dataclass(frozen=True)
class Plan:
    """What is asked of a stream; see `write_stream`."""

    individuals: int
    days: int
    lights: tuple[DayLight, ...]
    clips: int
    photographs: int
    hybrids: int
    newcomers: int
    seed: int

    def check(self) -> None:
        """Refuses what makes no sense.

        Raises:
            ValueError: Saying what to change.
        """
        if min(self.individuals, self.days) < 1 or min(self.clips, self.photographs) < 0 or self.seed < 0:
            raise ValueError("A stream needs at least one individual and one day; no number may be negative.")
        if self.clips + self.photographs == 0:
            raise ValueError("With neither clips nor photographs there is nothing to make: ask for one of them.")
        unknown = [light for light in self.lights if light not in DAYLIGHTS]
        if unknown or not self.lights:
            raise ValueError(
                f"The lights are {', '.join(DAYLIGHTS)}; these are not: {', '.join(unknown) or 'none'}."
            )
        for what, number in (("hybrids", self.hybrids), ("newcomers", self.newcomers)):
            if not 0 <= number <= self.individuals:
                raise ValueError(f"Of {self.individuals} individuals {number} cannot be {what}: lower `{what}`.")

    def animal(self, individual: int) -> Salamander:
        """One of those who live there: the same as in `write_photographs` with the same seed."""
        return Salamander(animal_seed(self.seed, individual), self.origin(individual))

    def origin(self, individual: int) -> Origin:
        """Where it stems from: the first ones are hybrids."""
        return "hybrid" if individual < self.hybrids else "native"

    def sex(self, individual: int) -> Sex:
        """Its sex: the same as in `write_photographs` with the same seed."""
        return animal_sex(self.seed, individual)

    def present(self, day: int) -> int:
        """How many are there on a day: newcomers come on the last."""
        return self.individuals if day == self.days - 1 else self.individuals - self.newcomers

    def takes(self) -> Iterator[Take]:
        """Every clip and photograph."""
        clips = stills = encounter = 0
        for day in range(self.days):
            date = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, 0xDA7, day])))
            morning = FIRST_SURVEY + timedelta(days=23 * day + int(date.integers(0, 5)))
            for light in sorted(set(self.lights), key=DAYLIGHTS.index):
                rng = np.random.Generator(
                    np.random.PCG64(np.random.SeedSequence([self.seed, 0xDA7, day, DAYLIGHTS.index(light)]))
                )
                clock = morning + timedelta(hours=HOURS[light], seconds=int(rng.integers(0, 600)))
                for individual in rng.permutation(self.present(day)).tolist():
                    encounter += 1
                    for number in range(self.clips + self.photographs):
                        film = number < self.clips
                        clips, stills = clips + film, stills + (not film)
                        name = f"MOV_{clips:04d}" if film else f"IMG_{stills:04d}"
                        yield Take(self, name, film, individual, day, light, encounter, number, clock)
                        clock += timedelta(seconds=17)
                    clock += timedelta(seconds=int(rng.integers(60, 150)))


@dataclass(frozen=True)
class Take:
    """One clip or photograph to be made: who, when, and the seed of all its chance."""

    plan: Plan
    name: str
    film: bool
    individual: int
    day: int
    light: DayLight
    encounter: int
    number: int
    when: datetime

    def rng(self, purpose: int) -> np.random.Generator:
        """The take's chance for one purpose, the same whoever else is met."""
        light = DAYLIGHTS.index(self.light)
        parts = [self.plan.seed, 0x57EA, self.day, light, self.individual, int(self.film), self.number, purpose]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(parts)))

    @property
    def path(self) -> str:
        """The file, relative to the stream's folder."""
        return f"videos/{self.name}.mp4" if self.film else f"photographs/{self.name}.jpg"

    @property
    def whole(self) -> bool:
        """Whether a photograph shows the whole animal, and not the head from near by."""
        return bool(self.rng(1).random() < _WHOLE)

    @property
    def passer(self) -> int | None:
        """Who passes through the clip, if anybody: the animal's neighbour."""
        other = self.individual ^ 1
        passes = self.film and other < self.plan.present(self.day) and self.rng(2).random() < _PASSED_BY
        return other if passes else None

    @property
    def shot(self) -> Shot:
        """What the phone knows: time, place and how it is held."""
        rng = self.rng(3)
        turned = bool(rng.random() < _UPRIGHT)
        metres = float(np.random.Generator(np.random.PCG64([self.plan.seed, self.individual])).uniform(0, 120))
        latitude, longitude = phone_place(rng, metres + float(rng.normal(0.0, 6.0)))
        return Shot(self.when, latitude, longitude, TURNED if turned else UPRIGHT)
