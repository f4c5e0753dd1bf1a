"""What writing a table in another program's format needs, whichever the format."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem
from hanzaki.exchange.pictures import Sizes

#: What a box is called of which nobody said what it shows.
ANY_ANIMAL = "animal"

#: What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Picture:
    """One photograph or video, and the boxes on it.

    Attributes:
        path: as the table has it.
        file: where it lies.
        size: width and height, in pixels as displayed.
        rows: those of the table that show it; all have a box.
    """

    path: str
    file: Path
    size: tuple[int, int]
    rows: list[AnnotationRow] = field(default_factory=list)


def pictures(
    annotations: Annotations, sizes: Sizes, notes: Counter[str], *, videos: bool = False
) -> list[Picture]:
    """The pictures of a table with their boxes, in the order of their first rows.

    Args:
        annotations: the table.
        sizes: tells how large a picture is.
        notes: counts what is left out: rows without a box, of videos, and of files that cannot be opened.
        videos: whether the format can hold rows of videos.
    """
    found: dict[str, Picture | None] = {}
    for row in annotations:
        if row.bbox is None:
            notes["rows without a box left out"] += 1
            continue
        if row.frame is not None and not videos:
            notes["rows of videos left out"] += 1
            continue
        if row.path not in found:
            found[row.path] = _measured(row.path, annotations.folder / row.path, sizes)
        picture = found[row.path]
        if picture is None:
            notes["boxes on files that cannot be opened left out"] += 1
        else:
            picture.rows.append(row)
    return [picture for picture in found.values() if picture is not None]


def _measured(path: str, file: Path, sizes: Sizes) -> Picture | None:
    try:
        return Picture(path, file, sizes(file))
    except BadMedium:
        return None


def upright_box(row: AnnotationRow, notes: Counter[str]) -> Box:
    """The row's box, or the upright one around it, counted, for a format that cannot turn boxes."""
    assert row.bbox is not None
    if row.bbox.theta:
        notes["rotated boxes made upright"] += 1
    return row.bbox.upright


def label_of(row: AnnotationRow) -> str:
    """What the row's box shows, on one line; ``animal`` where nobody said."""
    return " ".join(row.label.split()) if row.label else ANY_ANIMAL


def placed(paths: Iterable[str], dropped: str | None = None) -> dict[str, PurePosixPath]:
    """A place for each picture below a new folder, no two of which differ by their endings only.

    Pictures that a table names by relative paths keep their folders, but those called ``dropped``; others keep
    their names.
    """
    places: dict[str, PurePosixPath] = {}
    taken: set[str] = set()
    for path in paths:
        whole = PurePosixPath(*(part for part in PurePosixPath(path).parts if part != dropped))
        place = PurePosixPath(whole.name) if whole.is_absolute() or ".." in whole.parts else whole
        stem, number = place.stem, 1
        while str(place.with_suffix("")).lower() in taken:
            number += 1
            place = place.with_name(f"{stem}-{number}{place.suffix}")
        taken.add(str(place.with_suffix("")).lower())
        places[path] = place
    return places


def moved_path(path: str, old: Path, new: Path) -> str:
    """The text that leads from the folder ``new`` to the picture to which ``path`` leads from ``old``."""
    way = os.path.relpath(old.resolve(), new.resolve())
    # joined, never shortened: to take out a ".." behind a link would lead elsewhere
    return path if way == "." or os.path.isabs(path) else f"{way}/{path}"  # noqa: PTH117


def write_whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; an earlier one is replaced.

    Raises:
        TableError: if a name in it is not UTF-8, or the file cannot be written.
    """
    incoming = path.with_name(path.name + ".incoming")
    try:
        incoming.write_text(text, encoding="utf-8", newline="")
        incoming.replace(path)
    except UnicodeEncodeError as error:
        wrong = error.object[max(error.start - 20, 0) : error.end + 20]
        raise TableError(
            path, [TableProblem(None, None, f"{wrong!r} is not UTF-8: give it another name")]
        ) from error
    except OSError as error:
        raise TableError(path, [TableProblem(None, None, f"cannot be written: {error.strerror}")]) from error
    finally:
        incoming.unlink(missing_ok=True)


def write_json(path: Path, document: Any) -> None:
    """Write JSON, as :func:`write_whole` does."""
    write_whole(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def write_xml(path: Path, root: ElementTree.Element) -> None:
    """Write XML, as :func:`write_whole` does.

    Raises:
        TableError: also if a name has a character that XML cannot hold.
    """
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    wrong = _NOT_XML.search(text)
    if wrong is not None:
        near = text[max(wrong.start() - 20, 0) : wrong.end() + 20]
        problem = f"{near!r} has a character that XML cannot hold: give it another name"
        raise TableError(path, [TableProblem(None, None, problem)])
    write_whole(path, f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n")


def short(number: float) -> str:
    """A number that reads back exactly, whole ones without a point."""
    return repr(float(number)).removesuffix(".0")


def new_folder(folder: Path) -> None:
    """Make a folder, or take an empty one.

    Raises:
        TableError: if there is anything in it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            text = "is not empty: name a new folder, so that nothing is mixed or lost"
            raise TableError(folder, [TableProblem(None, None, text)])
    except OSError as error:
        raise TableError(folder, [TableProblem(None, None, f"cannot be made: {error.strerror}")]) from error
