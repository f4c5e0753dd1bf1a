"""Writing COCO, so that MiewID, Wildbook, camera-trap tools and pycocotools all find in it what they look for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.exchange.pictures import Sizes, displayed_size
from hanzaki.exchange.writing import Picture, label_of, moved_path, pictures, write_json

#: What COCO calls the columns that are of an image, and those that are of a box.
_OF_IMAGE = {"date": "datetime", "encounter": "seq_id", "site": "location"}
_OF_BOX = {"identity": "name", "species": "species", "orientation": "viewpoint", "confidence": "score"}
_OF_BOX |= {"sex": "sex", "origin": "origin"}


def write_coco(annotations: Annotations, path: Path | str, sizes: Sizes = displayed_size) -> Mapping[str, int]:
    """Write COCO: MiewID's, with what camera traps say of images where it is known.

    A box's category is its label. Losses: ``image_id`` (images are numbered) and ``quality``; what nobody named is
    called ``animal``; of boxes on one photograph with several dates, encounters or sites, the first one's are
    written; rows of videos cannot be held. A rotated box is written as MiewID does, upright with its ``theta``.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if a name is not UTF-8, or the file cannot be written.
    """
    path = Path(path)
    notes: Counter[str] = Counter()
    found = pictures(annotations, sizes, notes)
    labels = sorted({label_of(row) for picture in found for row in picture.rows})
    numbers = {label: number for number, label in enumerate(labels, 1)}
    images: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for image, picture in enumerate(found, 1):
        images.append(_image(picture, image, moved_path(picture.path, annotations.folder, path.parent)))
        for row in picture.rows:
            record = {"id": len(records) + 1, "image_id": image, "category_id": numbers[label_of(row)]}
            records.append(record | _box(row))
    categories = [{"id": number, "name": label} for label, number in numbers.items()]
    write_json(path, {"info": {}, "images": images, "annotations": records, "categories": categories})
    return dict(notes)


def _image(picture: Picture, number: int, way: str) -> dict[str, Any]:
    image: dict[str, Any] = {"id": number, "file_name": way, "width": picture.size[0], "height": picture.size[1]}
    for column, name in _OF_IMAGE.items():
        values = [value for row in picture.rows if (value := getattr(row, column)) is not None]
        if values:
            image[name] = values[0].isoformat(" ") if isinstance(values[0], datetime) else values[0]
    return image


def _box(row: AnnotationRow) -> dict[str, Any]:
    assert row.bbox is not None
    x, y, w, h, theta = map(float, row.bbox)
    box: dict[str, Any] = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, "theta": theta}
    known = {name: getattr(row, column) for column, name in _OF_BOX.items()}
    box["species"] = None  # else the category would be taken for it
    return box | {name: value for name, value in known.items() if value is not None}
