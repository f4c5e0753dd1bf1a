"""Writes what the surveys of a virtual population bring: photographs or videos of those whom they met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.ahead import ahead
from hanzaki.virtual.demography import Population
from hanzaki.virtual.lives import Life, everybody, lives, salamander
from hanzaki.virtual.masks import mask_path, write_mask
from hanzaki.virtual.meetings import Occasion, abundance, captures, histories, occasions, surveys
from hanzaki.virtual.population import COLUMNS, HOURS, HYBRID, SITE, SPECIES, phone_place
from hanzaki.virtual.rendering import photograph
from hanzaki.virtual.scene import DAYLIGHTS, Scene
from hanzaki.virtual.smartphone import UPRIGHT, Shot, write_jpeg
from hanzaki.virtual.stream.container import write_mp4
from hanzaki.virtual.stream.staging import stage

CHINESE = "Andrias davidianus"

_APART = timedelta(minutes=3)  # between two encounters of a day
_SPECIES = {"native": SPECIES, "hybrid": HYBRID, "chinese": CHINESE}
_TABLES = {"lives": lives, "surveys": surveys, "captures": captures, "abundance": abundance}


@dataclass(frozen=True)
class _Meeting:
    """One encounter, of whom it is, and where in the whole it comes."""

    occasion: Occasion
    life: Life
    encounter: int
    first: int  # number of its first photograph
    start: datetime


def write_census(
    folder: Path,
    population: Population,
    *,
    seconds: float = 0.0,
    rate: int = 10,
    size: tuple[int, int] = (960, 720),
    masks: bool = False,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Photographs everybody whom the surveys of a population meet, at the age that they have by then.

    Writes the photographs (or videos) with ``annotations.csv``, as `write_photographs` does, and the truth of the
    population: ``lives.csv``, ``surveys.csv``, ``captures.csv``, ``abundance.csv`` and ``histories.csv``, see
    `hanzaki.virtual.lives` and `hanzaki.virtual.meetings`. Files that are there stay: it can be stopped and run
    again.

    Args:
        folder: Where to write; made if missing.
        population: Who lives when, and who is met.
        seconds: Length of one video of each encounter, in place of its photographs; 0 for photographs.
        rate: Frames a second of a video.
        size: Width and height in pixels, even numbers for videos.
        masks: Whether to write, for each photograph, where the head and its dark markings are; see
            `hanzaki.virtual.masks`.
        threads: How many encounters are photographed at once.
        progress: Called with how many encounters are done and how many there will be.

    Returns:
        The table of ``annotations.csv``: one row for each photograph or video. Nobody can tell ``sex`` by
        a picture.
    """
    (folder / ("videos" if seconds else "photographs")).mkdir(parents=True, exist_ok=True)
    for name, truth in _TABLES.items():
        truth(population).to_csv(folder / f"{name}.csv", index=False)
    histories(population).to_csv(folder / "histories.csv")

    def take(meeting: _Meeting) -> list[dict[str, Any]]:
        if seconds:
            return [_film(folder, population, meeting, seconds, rate, size)]
        return [
            _photograph(folder, population, meeting, number, size, masks)
            for number in range(meeting.occasion.photographs)
        ]

    meetings = list(_meetings(population))
    rows: list[dict[str, Any]] = []
    for done, taken in enumerate(ahead(take, meetings, threads, waiting=2 * threads), 1):
        rows += taken
        if progress:
            progress(done, len(meetings))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(folder / "annotations.csv", index=False)
    return table


def _meetings(population: Population) -> Iterator[_Meeting]:
    alive = everybody(population)
    clock, day, first = datetime.min, None, 1
    for encounter, occasion in enumerate(occasions(population), 1):
        if occasion.day != day:
            day = occasion.day
            light = DAYLIGHTS[occasion.survey % len(DAYLIGHTS)]
            clock = datetime.combine(day, time(HOURS[light]))
        yield _Meeting(occasion, alive[occasion.individual], encounter, first, clock)
        clock, first = clock + _APART, first + occasion.photographs


def _rng(population: Population, occasion: Occasion, number: int) -> np.random.Generator:
    """The chance of one photograph, the same whoever else is met."""
    parts = [population.seed, 0xCE5, occasion.day.toordinal(), occasion.individual, number]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(parts)))


def _photograph(
    folder: Path,
    population: Population,
    meeting: _Meeting,
    number: int,
    size: tuple[int, int],
    masks: bool,
) -> dict[str, Any]:
    occasion = meeting.occasion
    scene = Scene.draw(_rng(population, occasion, 0), DAYLIGHTS[occasion.survey % len(DAYLIGHTS)])
    rng = _rng(population, occasion, number)
    if number:
        scene = scene.again(rng)
    picture = photograph(salamander(population, occasion.individual, occasion.age), scene, size)
    name = f"IMG_{meeting.first + number:05d}"
    path, shot = Path("photographs") / f"{name}.jpg", _shot(meeting, number, rng)
    if not (folder / path).exists():
        part = folder / path.with_suffix(".part.jpg")
        write_jpeg(part, picture.image, shot, scene.camera.quality)
        part.replace(folder / path)
    if masks and not mask_path(folder / path).exists():
        write_mask(folder / path, picture)
    return _row(name, path, meeting, shot, " ".join(str(side) for side in picture.box))


def _film(
    folder: Path,
    population: Population,
    meeting: _Meeting,
    seconds: float,
    rate: int,
    size: tuple[int, int],
) -> dict[str, Any]:
    occasion = meeting.occasion
    rng = _rng(population, occasion, 0)
    animal = salamander(population, occasion.individual, occasion.age)
    clip = stage(rng, animal, DAYLIGHTS[occasion.survey % len(DAYLIGHTS)], size, seconds)
    name = f"MOV_{meeting.encounter:05d}"
    path, shot = Path("videos") / f"{name}.mp4", _shot(meeting, 0, rng)
    if not (folder / path).exists():
        count = round(seconds * rate)
        write_mp4(folder / path, (clip.frame(number / rate) for number in range(count)), size, rate, shot)
    return _row(name, path, meeting, shot, None)


def _shot(meeting: _Meeting, number: int, rng: np.random.Generator) -> Shot:
    latitude, longitude = phone_place(rng, meeting.occasion.metre)
    return Shot(meeting.start + timedelta(seconds=11 * number), latitude, longitude, UPRIGHT)


def _row(name: str, path: Path, meeting: _Meeting, shot: Shot, box: str | None) -> dict[str, Any]:
    return {
        "image_id": name,
        "identity": f"hanzaki-{meeting.occasion.individual:04d}",
        "path": path.as_posix(),
        "species": _SPECIES[meeting.life.origin],
        "orientation": "top",
        "encounter": f"encounter-{meeting.encounter:05d}",
        "date": shot.when.isoformat(),
        "bbox": box,
        "site": SITE,
        "sex": meeting.life.sex,
        "origin": meeting.life.origin,
    }
