"""Who lives in the virtual stream, and who is photographed when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.masks import write_mask
from hanzaki.virtual.pattern import Origin
from hanzaki.virtual.rendering import photograph
from hanzaki.virtual.scene import DAYLIGHTS, Scene
from hanzaki.virtual.smartphone import TURNED, UPRIGHT, Shot, write_jpeg

COLUMNS = ["image_id", "identity", "path", "species", "orientation", "encounter", "date", "bbox", "site"]
COLUMNS += ["sex", "origin"]
SPECIES = "Andrias japonicus"
HYBRID = "Andrias japonicus × Andrias davidianus"  # as Darwin Core names it

FIRST_SURVEY = datetime(2024, 8, 20)
HOURS = {"morning": 11, "afternoon": 15, "evening": 18}
_SPRING = (34.8123, 132.7456)  # an invented stream: degrees north and east where the surveyed stretch begins
_METRES_PER_DEGREE = (111_000.0, 91_000.0)
SITE = "stream-1"
_SEX = 0x5EC5  # of a stream's chance; surveys have numbers below it

Sex = Literal["female", "male"]


@dataclass(frozen=True)
class _Planned:
    """One photograph to be taken: who, in which encounter, and the seed of all its chance."""

    individual: int
    survey: int
    encounter: int
    number: int
    start: datetime
    along: float

    def rng(self, seed: int, number: int) -> np.random.Generator:
        """The chance of photograph `number` of this encounter, the same whoever else is photographed."""
        sequence = np.random.SeedSequence([seed, self.survey, self.individual, number])
        return np.random.Generator(np.random.PCG64(sequence))


def animal_seed(seed: int, individual: int) -> int:
    """The seed of one of a stream's animals; `seed` is the stream's."""
    return seed * 1_000_003 + individual


def animal_sex(seed: int, individual: int) -> Sex:
    """The sex of one of a stream's animals; `seed` is the stream's. It leaves no mark on the animal's skin."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _SEX, individual])))
    return "female" if rng.random() < 0.5 else "male"


def phone_place(rng: np.random.Generator, along: float) -> tuple[float, float]:
    """Where a phone believes to be, `along` metres downstream: degrees north and east, a few metres off."""
    north, east = rng.normal(0.0, 2.0, 2) + along * np.array((0.8, 0.6))
    return _SPRING[0] + north / _METRES_PER_DEGREE[0], _SPRING[1] + east / _METRES_PER_DEGREE[1]


def write_photographs(
    folder: Path,
    individuals: int,
    surveys: int = 2,
    photographs: int = 2,
    seed: int = 0,
    size: tuple[int, int] = (960, 720),
    *,
    newcomers: int = 2,
    hybrids: int = 0,
    masks: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Photographs a population on several days and writes the pictures with their truth.

    Writes `folder/photographs/IMG_0001.jpg` and so on, in the order of their times, and
    `folder/annotations.csv`; if asked, `folder/masks/IMG_0001.png` too, see `hanzaki.virtual.masks`. The surveys
    are weeks apart and go through morning, afternoon and evening in turn.

    Args:
        folder: Where to write; made if missing.
        individuals: How many animals live there, newcomers included.
        surveys: How many days.
        photographs: How many pictures of each animal on each day: together one encounter.
        seed: From which everything follows; not negative.
        size: Width and height of a picture in pixels. About a quarter are taken with the phone held upright:
            stored at this size like the others, with EXIF orientation 6, and displayed with the two swapped.
        newcomers: How many of the animals are not met before the last survey; without effect if there is only one.
        hybrids: How many of the animals, the first ones, are hybrids with the Chinese giant salamander.
        masks: Whether to write, for each photograph, where the head and its dark markings are.
        progress: Called with how many pictures are written and how many there will be.

    Returns:
        One row per picture, as in `annotations.csv`. Columns as in the field's data sets; `path` is relative to
        `folder`, `date` is local time in ISO format, `bbox` is "x y w h" of the head in pixels of the
        picture as displayed, `sex` is female or male, `origin` native or hybrid. Nobody can tell sex by a picture.

    Raises:
        ValueError: If a number makes no sense, such as more newcomers than animals.
    """
    if min(individuals, surveys, photographs) < 1:
        raise ValueError("A population needs at least one individual, one survey and one photograph.")
    if not 0 <= newcomers <= individuals:
        raise ValueError(f"Of {individuals} individuals {newcomers} cannot be newcomers: lower `newcomers`.")
    if not 0 <= hybrids <= individuals:
        raise ValueError(f"Of {individuals} individuals {hybrids} cannot be hybrids: lower `hybrids`.")
    plan = list(_plan(individuals, surveys, photographs, newcomers, seed))
    (folder / "photographs").mkdir(parents=True, exist_ok=True)
    rows = []
    for done, planned in enumerate(plan, start=1):
        origin: Origin = "hybrid" if planned.individual < hybrids else "native"
        rows.append(_take(folder, planned, f"IMG_{done:04d}", seed, size, origin, masks))
        if progress:
            progress(done, len(plan))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(folder / "annotations.csv", index=False)
    return table


def _plan(individuals: int, surveys: int, photographs: int, newcomers: int, seed: int) -> Iterator[_Planned]:
    """All photographs in the order of their times; the animals of a day come in random order."""
    encounter = 0
    for survey in range(surveys):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, survey])))
        day = FIRST_SURVEY + timedelta(days=23 * survey + int(rng.integers(0, 5)))
        clock = day + timedelta(hours=HOURS[DAYLIGHTS[survey % len(DAYLIGHTS)]], seconds=int(rng.integers(0, 600)))
        known = individuals if survey == surveys - 1 else individuals - newcomers
        for individual in rng.permutation(known):
            encounter += 1
            along = float(rng.uniform(0, 120))
            for number in range(photographs):
                yield _Planned(int(individual), survey, encounter, number, clock, along)
            clock += timedelta(seconds=int(rng.integers(90, 200)) + 12 * photographs)


def _take(
    folder: Path, planned: _Planned, name: str, seed: int, size: tuple[int, int], origin: Origin, masks: bool
) -> dict[str, Any]:
    """Takes and writes one photograph; returns its row of the table."""
    rng = planned.rng(seed, planned.number)
    scene = Scene.draw(planned.rng(seed, 0), DAYLIGHTS[planned.survey % len(DAYLIGHTS)])
    if planned.number:
        scene = scene.again(rng)
    upright = bool(planned.rng(seed, 10_000 + planned.number).random() < 0.25)
    animal = Salamander(animal_seed(seed, planned.individual), origin)
    picture = photograph(animal, scene, (size[1], size[0]) if upright else size)
    latitude, longitude = phone_place(rng, planned.along)
    shot = Shot(
        when=planned.start + timedelta(seconds=11 * planned.number),
        latitude=latitude,
        longitude=longitude,
        orientation=TURNED if upright else UPRIGHT,
    )
    path = Path("photographs") / f"{name}.jpg"
    write_jpeg(folder / path, picture.image, shot, scene.camera.quality)
    if masks:
        write_mask(folder / path, picture)
    return {
        "image_id": name,
        "identity": f"hanzaki-{planned.individual + 1:02d}",
        "path": path.as_posix(),
        "species": HYBRID if origin == "hybrid" else SPECIES,
        "orientation": "top",
        "encounter": f"encounter-{planned.encounter:04d}",
        "date": shot.when.isoformat(),
        "bbox": " ".join(str(side) for side in picture.box),
        "site": SITE,
        "sex": animal_sex(seed, planned.individual),
        "origin": origin,
    }
