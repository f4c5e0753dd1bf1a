"""What the user asks about: files and encounters made into queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Medium
from hanzaki.errors import BadMedium, CatalogueError, printable
from hanzaki.fieldwork.files import digest_of, find_media, is_video
from hanzaki.fieldwork.watch import Glimpse, Watched, load_watcher, watch
from hanzaki.media import Pixels, decode, inspect, inspect_video, read
from hanzaki.settings import settings
from hanzaki.vision.crop import crop
from hanzaki.vision.detector import Detector


@dataclass(frozen=True)
class Query:
    """One animal that somebody asks about.

    Attributes:
        name: the file or encounter, as the user knows it.
        encounter: in the catalogue; None for a file that the catalogue does not hold.
        annotations: of the catalogue, that show it; empty for such a file.
        file: such a file; None for what the catalogue holds.
        glimpses: where the animal is in such a file, if that is a video; a photograph shows it as a whole.
    """

    name: str
    encounter: int | None
    annotations: tuple[int, ...] = ()
    file: Path | None = None
    glimpses: tuple[Glimpse, ...] = ()


@dataclass(frozen=True)
class ToldByFile:
    """What a file says of itself: the day, and latitude and longitude in degrees."""

    seen: date | None
    place: tuple[float, float] | None


@dataclass
class Asked:
    """What the user asks about, and what of it cannot be used."""

    queries: list[Query] = field(default_factory=list)
    skipped: list[BadMedium] = field(default_factory=list)


def find_queries(
    catalogue: Catalogue | None,
    asked: Sequence[Path | str | int],
    table: pd.DataFrame | None,
    watched: Callable[[Path], Watched],
) -> Asked:
    """Make queries of files, folders and encounter numbers.

    A photograph or video that the catalogue holds is found by its content, whatever its name, and asks about every
    animal that it shows; an encounter asks about its animal with all its pictures. A video in which nobody has
    looked for animals is watched; it asks about each that is seen.

    Args:
        catalogue: where to look; None where there is none, so that all are files that it does not hold.
        asked: paths, or numbers of encounters (a number that is also a file's name is taken as the file).
        table: the catalogue's annotations, see ``annotation_table``; None without a catalogue.
        watched: what is seen in a video.

    Raises:
        CatalogueError: if there is no such encounter, or no catalogue to look for it in.
    """
    result = Asked()
    for item in asked:
        if not isinstance(item, (str, Path)):  # an integer, numpy's too
            result.queries.append(_encounter(int(item), table))
            continue
        if _is_number(str(item)) and not Path(item).exists():
            result.queries.append(_encounter(int(str(item)), table))
            continue
        found = find_media([item])
        result.skipped += found.unreadable
        for file in found.files:
            try:
                result.queries += _medium(catalogue, file, table, watched)
            except BadMedium as bad:
                result.skipped.append(bad)
    return result


def encounter_queries(table: pd.DataFrame, encounters: Sequence[int]) -> list[Query]:
    """Queries of many encounters, in their order.

    Args:
        table: the catalogue's annotations, see ``annotation_table``.
        encounters: their numbers.

    Raises:
        CatalogueError: if there is no such encounter.
    """
    shown: dict[int, list[int]] = {}
    for annotation, encounter in zip(table["annotation"], table["encounter"], strict=True):
        shown.setdefault(int(encounter), []).append(int(annotation))
    if missing := [int(number) for number in encounters if int(number) not in shown]:
        raise _no_encounter(missing[0])
    return [Query(f"encounter {number}", int(number), tuple(shown[int(number)])) for number in encounters]


@lru_cache(maxsize=64)
def told_by_file(file: Path) -> ToldByFile:
    """When and where a photograph or video was taken, as it says itself.

    Raises:
        BadMedium: if it cannot be read.
    """
    most = settings().max_megapixels
    facts = inspect_video(file, most) if is_video(file) else inspect(read(file), file, most)
    north, east = facts.latitude, facts.longitude
    place = None if north is None or east is None else (north, east)
    return ToldByFile(None if facts.taken_at is None else facts.taken_at.date(), place)


def pictures_of(query: Query, area_fraction: float) -> list[Pixels]:
    """What of a file is to be looked at: a photograph as a whole, a video's animal where it was seen best.

    It is what would be cut out if the catalogue held the file.

    Args:
        query: of a file that the catalogue does not hold.
        area_fraction: of the whole or of the animal's box, see :func:`hanzaki.vision.crop.crop`.

    Returns:
        uint8 (h, w, 3) each.

    Raises:
        BadMedium: if the file cannot be read.
    """
    if query.file is None:
        raise ValueError(f"{query.name} is no file")
    if not query.glimpses:
        photograph = decode(read(query.file), query.file, settings().max_megapixels)
        return [crop(photograph, None, area_fraction)]
    return [crop(glimpse.pixels, None, area_fraction) for glimpse in query.glimpses]


class Watcher:
    """Watches videos; the detector is loaded for the first.

    Args:
        which: a shipped model's name, or a model folder.
    """

    def __init__(self, which: Path | str) -> None:
        self._which = which
        self._detector: Detector | None = None

    def __call__(self, file: Path) -> Watched:
        """What is seen in a video."""
        if self._detector is None:
            self._detector = load_watcher(self._which)
        return watch(file, self._detector)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _encounter(number: int, table: pd.DataFrame | None) -> Query:
    if table is None:
        raise CatalogueError(f"there is no file {number}, and no catalogue to look for encounter {number} in")
    annotations = table.loc[table["encounter"] == number, "annotation"]
    if annotations.empty:
        raise _no_encounter(number)
    return Query(f"encounter {number}", number, tuple(annotations))


def _no_encounter(number: int) -> CatalogueError:
    return CatalogueError(f"there is no encounter {number}; `hanzaki encounters` lists them")


def _medium(
    catalogue: Catalogue | None, file: Path, table: pd.DataFrame | None, watched: Callable[[Path], Watched]
) -> list[Query]:
    shown = None if catalogue is None or table is None else _shown(catalogue, file, table)
    if shown is None or shown.empty:
        return _seen(file, watched(file)) if is_video(file) else [Query(printable(file), None, file=file)]
    return [
        Query(printable(file), encounter, tuple(shown.loc[shown["encounter"] == encounter, "annotation"]))
        for encounter in sorted(shown["encounter"].unique())
    ]


def _shown(catalogue: Catalogue, file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The annotations of a file that the catalogue holds; none where nobody has looked for the animal yet."""
    sha256, _ = digest_of(file)
    with catalogue.reading() as session:
        medium = session.scalar(select(Medium.id).where(Medium.sha256 == sha256))
    return table[(table["medium"] == medium) & ~table["unwatched"].astype(bool)]


def _seen(file: Path, watched: Watched) -> list[Query]:
    """A query about every animal of a video.

    Raises:
        BadMedium: if there is none.
    """
    if not watched.sightings:
        trouble = f" ({watched.trouble})" if watched.trouble else ""
        raise BadMedium(
            file, f"no animal was found in any of the {watched.frames} frames that were looked at{trouble}"
        )
    several = len(watched.sightings) > 1
    return [
        Query(
            f"{printable(file)}, {sighting.label} {number}" if several else printable(file),
            None,
            file=file,
            glimpses=sighting.best,
        )
        for number, sighting in enumerate(watched.sightings, 1)
    ]
