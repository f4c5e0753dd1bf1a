"""COCO, and the two dialects of it that this field writes: MiewID's COCO and COCO Camera Traps.

All are one JSON object with ``images``, ``annotations`` and mostly ``categories``.

- MiewID's (as Wildbook's image analysis exports it): annotations have ``name viewpoint theta`` and perhaps
  ``individual_ids``, the numbers of all annotations of the same animal; images may be known by ``uuid``.
- Plain COCO: boxes, and categories that say what a box shows.
- COCO Camera Traps (lila.science/coco-camera-traps): images have ``datetime seq_id location corrupt``, annotations
  may have ``bbox_relative`` and ``count``, and the category ``empty`` says that there is no animal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import TableError, TableProblem
from hanzaki.exchange.reading import Reading, angle, chosen_paths, is_number, read_json, validated

#: Categories that are no animals, in lower case with blanks for underscores, and what they are counted as.
NO_ANIMALS = {
    **dict.fromkeys(["empty", "blank", "none", "misfire", "false trigger"], "empty"),
    **dict.fromkeys(["human", "humans", "person", "people", "homo sapiens"], "human"),
    **dict.fromkeys(["vehicle", "vehicles", "car", "truck", "bus", "motorcycle", "bicycle"], "vehicle"),
    **dict.fromkeys(["setup", "setup pickup"], "setup"),
}

#: A category that names no species.
_ANY_ANIMAL = "animal"

#: What COCO calls hanzaki's columns.
_NAMES = {
    "identity": "name",
    "orientation": "viewpoint",
    "path": "file_name",
    "date": "datetime",
    "encounter": "seq_id",
    "site": "location",
    "label": "category",
    "confidence": "score",
}

#: The dialect whose categories are what boxes show, and need not be species.
_PLAIN = "COCO"

#: Year first, as EXIF and spreadsheets write it too: ``2013:10:04 9:31:53``.
_DATE = re.compile(r"(\d{4})[-:/.](\d\d?)[-:/.](\d\d?)(?:[ T]+(\d\d?):(\d\d?)(?::(\d\d?)(?:\.\d*)?)?)?")

#: Columns that are read from the image, and those that are read from the annotation.
_OF_IMAGE = ("image_id", "encounter", "date", "site", "file_name", "file_path")
_OF_ANNOTATION = ("identity", "species", "orientation", "bbox", "label", "confidence", "sex", "origin")

_Record = Mapping[str, Any]


@dataclass
class _Rows:
    """What the annotations give, row by row, and what there is to tell."""

    columns: dict[str, list[Any]] = field(
        default_factory=lambda: {name: [] for name in (*_OF_IMAGE, *_OF_ANNOTATION)}
    )
    places: list[str] = field(default_factory=list)
    problems: list[TableProblem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def wrong(self, place: str, text: str) -> None:
        self.problems.append(TableProblem(None, None, f"{place}: {text}"))


@dataclass
class _Image:
    """One image: what it gives to the rows of its annotations, and whether it has any."""

    columns: dict[str, str | datetime | None]
    size: tuple[Any, Any]
    corrupt: bool
    annotated: bool = False


@dataclass(frozen=True)
class _Categories:
    """The names of categories by their numbers, and whether they are names of species."""

    names: Mapping[str, str | None]
    are_species: bool


def read_coco(path: Path | str, document: Any = None) -> Reading:
    """Read COCO, MiewID's COCO or COCO Camera Traps.

    Left out and counted are corrupt images, images without annotations, categories that are no animals, and groups
    (``iscrowd``, or a ``count`` above one without a box): a row is one animal. An annotation's category is its
    ``label``; in MiewID's files and camera traps', where categories are species, it is the species too. ``sex``
    and ``origin`` of an annotation are read where they are text, which is how hanzaki writes them.

    Args:
        path: the file.
        document: what stands in it, where it has been read already.

    Raises:
        TableError: if the file is no such table, with every value that cannot be understood.
    """
    path = Path(path)
    document = _load(path, document)
    dialect = _dialect(document)
    rows = _Rows()
    images = _Images(document["images"], rows)
    names = _category_names(document.get("categories") or [], rows)
    categories = _Categories(names, are_species=dialect != _PLAIN)
    for position, record in enumerate(document["annotations"]):
        _read(record, f"annotations[{position}]", images, categories, rows)
    rows.notes["corrupt images left out"] = sum(image.corrupt for image in images.all)
    rows.notes["images without annotations left out"] = sum(
        not (image.corrupt or image.annotated) for image in images.all
    )
    paths = chosen_paths(path.parent, rows.columns.pop("file_name"), rows.columns.pop("file_path"))
    frame = pd.DataFrame({"path": paths, **rows.columns}, dtype=object)
    annotations = validated(frame, path, rows.places, _NAMES, rows.problems)
    _part_crowds(annotations)
    return Reading(annotations, dialect, dict(+rows.notes))


def _load(path: Path, document: Any) -> dict[str, Any]:
    """The document, known to hold lists of objects where the format has them."""
    document = read_json(path) if document is None else document
    if not isinstance(document, dict) or not {"images", "annotations"} <= document.keys():
        found = ", ".join(map(repr, document)) if isinstance(document, dict) else type(document).__name__
        text = f"is no COCO: it needs the keys 'images' and 'annotations' (found: {found[:300] or 'none'})"
        raise TableError(path, [TableProblem(None, None, text)])
    problems = []
    for key in ("images", "annotations", "categories"):
        values = document.get(key)
        if not isinstance(values, list) and not (key == "categories" and values is None):
            problems.append(TableProblem(None, None, f"{key!r} is no list"))
            continue
        wrong = [position for position, value in enumerate(values or []) if not isinstance(value, dict)]
        problems += [TableProblem(None, None, f"{key}[{position}]: is no object") for position in wrong]
    if problems:
        raise TableError(path, problems)
    return document


def _dialect(document: Mapping[str, Any]) -> str:
    """What the file is called; all are read alike."""
    if any("seq_id" in image or "location" in image or "corrupt" in image for image in document["images"]):
        return "COCO Camera Traps"
    if any("name" in record or "viewpoint" in record for record in document["annotations"]):
        return "MiewID COCO"
    return _PLAIN


class _Images:
    """The images, by the names that annotations have for them."""

    def __init__(self, records: Sequence[_Record], rows: _Rows) -> None:
        self._by: dict[str, dict[str, _Image]] = {"uuid": {}, "id": {}}
        self.all: list[_Image] = []
        for position, record in enumerate(records):
            self._add(record, f"images[{position}]", rows)

    def _add(self, record: _Record, place: str, rows: _Rows) -> None:
        names = {key: _text(record, key, place, rows) for key in self._by}
        if not any(names.values()):
            rows.wrong(place, "has neither 'id' nor 'uuid'")
        image = _Image(
            {
                "image_id": names["uuid"] or names["id"],
                "encounter": _text(record, "seq_id", place, rows),
                "date": _date(
                    _text(record, "datetime", place, rows) or _text(record, "date_captured", place, rows)
                ),
                "site": _text(record, "location", place, rows),
                "file_name": _text(record, "file_name", place, rows),
                "file_path": _text(record, "file_path", place, rows),
            },
            (record.get("width"), record.get("height")),
            record.get("corrupt") in (True, "true", "True"),
        )
        file = image.columns["file_name"] or image.columns["file_path"]
        if file is None:
            rows.wrong(place, "'file_name' is missing")
        firsts = {key: self._by[key].setdefault(name, image) for key, name in names.items() if name is not None}
        if all(first is image for first in firsts.values()):
            self.all.append(image)
        for key, first in firsts.items():
            if file != (first.columns["file_name"] or first.columns["file_path"]):  # else it merely stands twice
                rows.wrong(place, f"another image has the same {key!r}, {names[key]!r}")

    def of(self, record: _Record, place: str, rows: _Rows) -> _Image | None:
        """The image of an annotation; MiewID, too, takes the ``uuid`` where both have one."""
        for key, other in (("image_uuid", "uuid"), ("image_id", "id"), ("image_id", "uuid")):
            name = _text(record, key, place, rows)
            image = None if name is None else self._by[other].get(name)
            if image is not None:
                image.annotated = True
                return image
        asked = record.get("image_uuid", record.get("image_id"))
        rows.wrong(place, f"there is no image {asked!r} among 'images'")
        return None


def _category_names(categories: Sequence[_Record], rows: _Rows) -> dict[str, str | None]:
    """The names of categories by their numbers."""
    names: dict[str, str | None] = {}
    for position, record in enumerate(categories):
        place = f"categories[{position}]"
        number = _text(record, "id", place, rows)
        if number is None:
            rows.wrong(place, "'id' is missing")
        else:
            names[number] = _text(record, "name", place, rows)
    return names


def _read(record: _Record, place: str, images: _Images, categories: _Categories, rows: _Rows) -> None:
    """Add a row, or say why there is none."""
    image = images.of(record, place, rows)
    if image is None or image.corrupt:
        return
    category = _text(record, "category_id", place, rows)
    if category is not None and categories.names and category not in categories.names:
        rows.wrong(place, f"there is no category {category!r} among 'categories'")
        return
    label = None if category is None else categories.names.get(category)
    by_category = label if categories.are_species and "species" not in record else None
    species = _text(record, "species", place, rows) or by_category
    kind = species or label
    plain = "" if kind is None else " ".join(kind.replace("_", " ").lower().split())
    if plain in NO_ANIMALS:
        rows.notes[f"annotations of no animal left out ({NO_ANIMALS[plain]})"] += 1
        return
    box = _box(record, image.size, place, rows)
    if _is_group(record, box):
        rows.notes["annotations of several animals left out"] += 1
        return
    if record.get("sequence_level_annotation") is True:
        rows.notes["annotations of whole sequences: not each image need show the animal"] += 1
    values = {
        **image.columns,
        "identity": _identity(record, place, rows),
        "species": None if plain == _ANY_ANIMAL else species,
        "orientation": _text(record, "viewpoint", place, rows),
        "bbox": box,
        "label": label,
        "confidence": _text(record, "score", place, rows),
        "sex": _own_text(record, "sex"),
        "origin": _own_text(record, "origin"),
    }
    for key, value in values.items():
        rows.columns[key].append(value)
    rows.places.append(place)


def _identity(record: _Record, place: str, rows: _Rows) -> str | None:
    """Who it is: ``name``; where there is no such key, one that all of ``individual_ids`` share.

    These are the numbers of all annotations of the animal. One that stands for itself alone is of nobody known.
    """
    if "name" in record:
        return _text(record, "name", place, rows)
    same = record.get("individual_ids")
    if not isinstance(same, list):
        return None if same is None else str(same)
    names = sorted({str(name) for name in same})
    return None if not names or names == [str(record.get("id"))] else names[0]


def _box(record: _Record, size: tuple[Any, Any], place: str, rows: _Rows) -> list[float] | None:
    """Where the animal is, in pixels, as the annotations read it; None where no box can be understood."""
    written, relative = record.get("bbox"), record.get("bbox_relative")
    cells = written or relative
    if not cells:
        return None
    key = "bbox" if written else "bbox_relative"
    if not isinstance(cells, list) or len(cells) != 4 or not all(map(is_number, cells)):
        rows.wrong(place, f"{key!r}: {cells!r} is not a box: write four numbers, [x, y, width, height]")
        return None
    if not written and not all(is_number(side) and side > 0 for side in size):
        rows.wrong(place, "'bbox_relative': the image's 'width' and 'height' are missing")
        return None
    try:
        theta = angle(record.get("theta"))
    except ValueError as error:
        rows.wrong(place, f"'theta': {error}")
        return None
    if not written:
        cells = [float(cell) * float(side) for cell, side in zip(cells, (*size, *size), strict=True)]
    return [*cells, theta] if theta else cells


def _text(record: _Record, key: str, place: str, rows: _Rows) -> str | None:
    """A value that is text or a number, as text; None where there is none."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return None if value != value else str(value).removesuffix(".0")  # not a number: pandas wrote a gap so
    rows.wrong(place, f"{key!r}: {value!r} is neither text nor a number")
    return None


def _own_text(record: _Record, key: str) -> str | None:
    """The text of a key that no dialect defines: another program may keep anything there, and that is no fault."""
    value = record.get(key)
    return value if type(value) is str else None


def _date(text: str | None) -> str | datetime | None:
    """A date that is in ISO 8601 or has its year first; other text as it is, which the annotations refuse."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        found = _DATE.fullmatch(text.strip())
    if found is None:
        return text
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    if year == month == day == 0:
        return None  # so cameras write that their clock was never set
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return text


def _is_group(record: _Record, box: list[float] | None) -> bool:
    count = record.get("count")
    return record.get("iscrowd") in (1, True) or (box is None and isinstance(count, int) and count > 1)


def _part_crowds(annotations: Annotations) -> None:
    """Take unnamed animals of one species that share a frame out of their sequence.

    An encounter is of one animal. What a sequence shows of one named animal, or of a species that is alone in each
    of its frames, is one; of two in a frame, nobody can say which of them is the one in the next.
    """
    frame = annotations.frame
    unnamed = frame["identity"].isna() & frame["encounter"].notna()
    together = frame[unnamed & frame[unnamed].duplicated(["path", "encounter", "species"], keep=False)]
    crowds = set(_kinds(together))
    names = [
        None if nobody and kind in crowds else name
        for name, nobody, kind in zip(frame["encounter"], unnamed, _kinds(frame), strict=True)
    ]
    frame["encounter"] = pd.Series(names, dtype=object)


def _kinds(frame: pd.DataFrame) -> list[tuple[Hashable, ...]]:
    return list(zip(frame["encounter"], frame["species"], strict=True))
