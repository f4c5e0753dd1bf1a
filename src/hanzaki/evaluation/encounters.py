"""Which rows of a table show one individual, and which one encounter with it."""

from __future__ import annotations

import re
from datetime import datetime, time

from hanzaki.annotations import AnnotationRow

#: Species and identity: two species may use the same names.
Individual = tuple[str, str]

#: An individual, how its encounter is known, and the encounter's name.
Encounter = tuple[str, ...]

#: A file's name that says itself that it is one frame of a video: ``clip_frame_0012.jpg``, ``IMG_1.MOV 0012.png``.
_FRAME = re.compile(r"(.+?)(?:[ _.-]*frame[ _.-]*|\.(?:mp4|mov|avi|m4v|mkv|mts)[ _.-]+)(\d+)\.\w+", re.IGNORECASE)


def individual_of(row: AnnotationRow) -> Individual:
    """Who a row shows; the sides of an animal are one individual.

    Raises:
        ValueError: if nobody knows.
    """
    if row.identity is None:
        raise ValueError(f"{row.path} shows nobody known")
    return row.species or "", row.identity


def encounter_of(row: AnnotationRow) -> Encounter:
    """The encounter that a row belongs to.

    The one that the table names. Where it names none: the video, if the file's name says that it is a frame of
    one; else the site and the day, since what was photographed of an animal at one place on one day shares its
    light and its background; else the photograph alone.
    """
    individual = individual_of(row)
    if row.encounter is not None:
        return *individual, "named", row.encounter
    frame = frame_of(row.path)
    if frame is not None:
        return *individual, "video", frame[0]
    if row.date is not None:
        return *individual, "day", row.site or "", row.date.date().isoformat()
    return *individual, "photograph", row.path


def frame_of(path: str) -> tuple[str, int] | None:
    """The video and the frame's number that a file's name tells of; None where it does not speak of a video.

    Numbers alone tell nothing: photographs of different days stand beside each other in many a folder.
    """
    found = _FRAME.fullmatch(path)
    return None if found is None else (found[1], int(found[2]))


def has_time(date: datetime | None) -> bool:
    """Whether a date has a time of day; midnight to the second is what a date without one is read as."""
    return date is not None and date.time() != time()
