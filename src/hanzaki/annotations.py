"""The annotation table: one row per animal seen in an image, in the field's column convention.

Every format converts into and out of this one type, so that no format needs to know another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.boxes import Box
from hanzaki.errors import TableError, TableProblem

#: The columns in their order. Only ``path`` must be given; the others are missing where unknown.
COLUMNS = (
    "image_id",
    "identity",
    "path",
    "species",
    "orientation",
    "encounter",
    "date",
    "bbox",
    "site",
    "frame",
    "label",
    "confidence",
    "quality",
    "sex",
    "origin",
)

#: What other programs write where they know nothing.
_UNKNOWN = frozenset({"", "unknown", "nan", "____"})

#: The word that commands take for an animal nobody knows yet; hence no animal's name.
_RESERVED = "new"

_SHOWN_ROW_OFFSET = 2  # a spreadsheet's first row of data is row 2


@dataclass(frozen=True)
class AnnotationRow:
    """One animal in one image; what is not known is None.

    Attributes:
        path: the image's file, or the video's, as the table has it.
        image_id: the image's name in the data set it came from.
        identity: who it is.
        species: scientific name.
        orientation: the side that is seen: left, right, front, back, top ...
        encounter: name of the meeting of this animal that the image belongs to.
        date: when, by the animal's local clock.
        bbox: where in the image; None means that the image shows the animal and little else.
        site: name of the place.
        frame: which moment of a video, in seconds from its start; None for a photograph.
        label: what a detector, or who drew it, calls what the box holds: head, raccoon, animal ...
        confidence: of the detector that drew the box, 0 to 1.
        quality: how well the animal can be seen, 0 to 1.
        sex: female, male, or what else a study tells apart.
        origin: native, hybrid, or what else a study tells apart.
    """

    path: str
    image_id: str | None = None
    identity: str | None = None
    species: str | None = None
    orientation: str | None = None
    encounter: str | None = None
    date: datetime | None = None
    bbox: Box | None = None
    site: str | None = None
    frame: float | None = None
    label: str | None = None
    confidence: float | None = None
    quality: float | None = None
    sex: str | None = None
    origin: str | None = None


class Annotations:
    """A validated annotation table.

    Args:
        frame: a DataFrame with at least the column ``path``. Text may be written as other programs write
            it: ``"unknown"`` and its likes become missing, boxes are read from ``x y w h`` text, dates from
            ISO 8601. Columns that hanzaki does not know are left behind.
        source: the file that the table came from, for messages and to find images beside it.

    Raises:
        TableError: listing every cell that cannot be understood.
    """

    def __init__(self, frame: pd.DataFrame, source: Path | None = None) -> None:
        self.source = source
        if "path" not in frame.columns:
            found = ", ".join(map(str, frame.columns)) or "none"
            text = f"the column 'path' is missing (columns found: {found})"
            raise TableError(source, [TableProblem(None, None, text)])
        problems: list[TableProblem] = []
        columns = {name: _read_column(frame, name, problems) for name in COLUMNS}
        for position, path in enumerate(columns["path"]):
            if path is None:
                problems.append(TableProblem(position + _SHOWN_ROW_OFFSET, "path", "is empty"))
        if problems:
            raise TableError(source, sorted(problems, key=lambda problem: problem.row or 0))
        self.frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})

    def __len__(self) -> int:
        return len(self.frame)

    def __iter__(self) -> Iterator[AnnotationRow]:
        for values in zip(*(self.frame[name] for name in COLUMNS), strict=True):
            yield AnnotationRow(**dict(zip(COLUMNS, values, strict=True)))

    def __repr__(self) -> str:
        return f"<Annotations: {len(self)} rows, {self.frame['identity'].nunique()} identities>"

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the table start from."""
        return Path() if self.source is None else self.source.parent


def _read_column(frame: pd.DataFrame, name: str, problems: list[TableProblem]) -> list[Any]:
    if name not in frame.columns:
        return [None] * len(frame)
    read = _READERS.get(name, str)
    values: list[Any] = []
    for position, cell in enumerate(frame[name]):
        value = None
        if not _is_missing(cell):
            try:
                value = read(cell)
            except ValueError as error:
                problems.append(TableProblem(position + _SHOWN_ROW_OFFSET, name, str(error)))
        values.append(value)
    return values


def _is_missing(cell: object) -> bool:
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and cell != cell):
        return True
    return isinstance(cell, str) and cell.strip().lower() in _UNKNOWN


def _read_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a column of numbers with gaps comes as floats: 7.0 is the animal "7"
    return str(cell).strip()


def _read_identity(cell: object) -> str:
    name = _read_text(cell)
    if name.lower() == _RESERVED:
        raise ValueError(f"{name!r} cannot be an animal's name; leave the cell empty where nobody knows")
    return name


def _read_path(cell: object) -> str:
    path = _read_text(cell)
    return path if "/" in path else path.replace("\\", "/")  # a table made on Windows


def _read_species(cell: object) -> str:
    return " ".join(_read_text(cell).split())


def _read_kind(cell: object) -> str:
    return _read_text(cell).lower()  # "Left" and "left" are one side


def _read_date(cell: object) -> datetime:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    try:
        return datetime.fromisoformat(str(cell).strip()).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{str(cell)!r} is not a date: write it as 2024-08-21 or 2024-08-21T18:05") from None


def _read_box(cell: object) -> Box:
    if isinstance(cell, str):
        return Box.parse(cell)
    if isinstance(cell, (list, tuple)):
        return Box.parse(" ".join(map(str, cell)))
    raise ValueError(f"{cell!r} is not a box: write four numbers, x y width height, in pixels")


def _read_frame(cell: object) -> float:
    seconds = _read_number(cell, "a moment of a video: write it in seconds from its start")
    if seconds < 0:
        raise ValueError(f"{cell!r} lies before its video's start")
    return seconds


def _read_share(cell: object) -> float:
    share = _read_number(cell, "a number from 0 to 1")
    if not 0 <= share <= 1:
        raise ValueError(f"{cell!r} is not a number from 0 to 1")
    return share


def _read_number(cell: object, wanted: str) -> float:
    try:
        number = float(str(cell))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{cell!r} is not {wanted}")
    return number


_READERS: dict[str, Callable[[object], Any]] = dict.fromkeys(COLUMNS, _read_text) | {
    "date": _read_date,
    "identity": _read_identity,
    "orientation": _read_kind,
    "sex": _read_kind,
    "origin": _read_kind,
    "path": _read_path,
    "species": _read_species,
    "bbox": _read_box,
    "frame": _read_frame,
    "confidence": _read_share,
    "quality": _read_share,
}
