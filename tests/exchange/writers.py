"""Tables in other programs' formats, written as those programs write them; and rows to write."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hanzaki import Box
from hanzaki.annotations import AnnotationRow
from hanzaki.exchange.coco import NO_ANIMALS

_NO_NAMES = {"unknown", "nan", "", " " * 4, "new", "animal", *NO_ANIMALS}

_characters = st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/\\")
names = st.text(_characters, min_size=1, max_size=8).filter(
    lambda name: name.replace("_", " ").lower() not in _NO_NAMES and not name.startswith(".")
)
maybe = st.none() | names
sexes = st.sampled_from([None, "female", "male"])
origins = st.sampled_from([None, "native", "hybrid"])
_places = st.floats(-1e4, 1e4)
_lengths = st.floats(0.5, 1e4)
boxes = st.builds(Box, _places, _places, _lengths, _lengths, theta=st.just(0.0))


def rows_of(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[AnnotationRow]]:
    """Tables whose rows show one photograph each, with these columns filled."""
    row = st.builds(AnnotationRow, path=names.map(lambda name: f"photos/{name}.jpg"), **columns)
    return st.lists(row, max_size=6, unique_by=lambda row: row.path)


def write_miewid_csv(rows: Sequence[AnnotationRow], path: Path) -> None:
    """As MiewID's own examples: an unknown animal is ``____``, and ``theta`` is 0."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["theta", "viewpoint", "name", "file_name", "species", "file_path", "x", "y", "w", "h"])
        for row in rows:
            box = ("",) * 4 if row.bbox is None else row.bbox[:4]
            elsewhere = f"/datasets/elsewhere/{row.path}"
            writer.writerow([0, row.orientation, row.identity or "____", row.path, row.species, elsewhere, *box])


def miewid_coco(rows: Sequence[AnnotationRow]) -> dict[str, Any]:
    """As Wildbook's image analysis exports it; images are known by ``uuid`` and by ``id``."""
    document = coco(rows)
    for image in document["images"]:
        image["uuid"] = f"uuid {image['id']}"
    for record, row in zip(document["annotations"], rows, strict=True):
        record |= {"image_uuid": f"uuid {record['image_id']}", "theta": 0.0, "iscrowd": 0}
        record |= {"name": row.identity or "____", "viewpoint": row.orientation}
    return document


def camera_traps(rows: Sequence[AnnotationRow]) -> dict[str, Any]:
    """As MegaDetector's documentation has it: ``datetime`` is Python's own text."""
    document = coco(rows)
    for image, row in zip(document["images"], rows, strict=True):
        image |= {"seq_id": row.encounter, "location": row.site, "corrupt": False}
        image["datetime"] = None if row.date is None else str(row.date)
    return document


def coco(rows: Sequence[AnnotationRow]) -> dict[str, Any]:
    """Plain COCO: boxes and categories."""
    species = sorted({row.species for row in rows if row.species is not None})
    images = [
        {"id": number, "file_name": row.path, "width": 640, "height": 480} for number, row in enumerate(rows)
    ]
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        annotations.append({"id": 100 + number, "image_id": number})
        if row.bbox is not None:
            annotations[-1]["bbox"] = list(row.bbox[:4])
        if row.species is not None:
            annotations[-1]["category_id"] = species.index(row.species)
    categories = [{"id": number, "name": name} for number, name in enumerate(species)]
    return {"info": {"version": "1"}, "images": images, "annotations": annotations, "categories": categories}


def write_json(document: Any, path: Path) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_folders(paths: Sequence[str], root: Path) -> Path:
    """Empty files under ``root``: no reader looks into a photograph."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


A_TABLE = [
    AnnotationRow(
        "a.jpg", None, "Sakura", "whale shark", "left", "s1", datetime(2024, 8, 21, 18, 5), Box(1, 2, 3, 4)
    ),
    AnnotationRow("b.jpg", None, None, "whale shark", None, "s1", None, None, "Ningaloo"),
]
