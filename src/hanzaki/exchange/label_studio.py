"""Label Studio's JSON and JSON-MIN exports (labelstud.io/guide/task_format, labelstud.io/tags/rectanglelabels).

A list of tasks, each with an image in ``data`` and the regions of ``annotations[].result[]``; JSON-MIN has one
flat object per task. A box's ``value`` is ``x y width height`` in percent of ``original_width`` and
``original_height``; ``rotation`` turns it about its top left corner, in degrees clockwise.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem
from hanzaki.exchange.pictures import SUFFIXES, Sizes, displayed_size, first_there, path_from
from hanzaki.exchange.reading import Reading, Rows, is_number, read_json
from hanzaki.exchange.writing import Picture, label_of, moved_path, pictures, write_json

FORMAT = "Label Studio JSON"

#: Tags of a box (perRegion) that are hanzaki's columns, where a team labels with tags of these names.
_TAGS = ("identity", "species", "orientation", "encounter", "date", "site", "quality", "sex", "origin")

_KEYS = ("rectanglelabels", "labels")
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of an uploaded file

#: Where tasks point to images, if nothing else is said: Label Studio's local storage.
LOCAL_FILES = "/data/local-files/?d="

_Record = Mapping[str, Any]


def is_label_studio(document: object) -> bool:
    """Whether a JSON document is Label Studio's."""
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return False
    task = document[0]
    return isinstance(task.get("data"), dict) or "annotation_id" in task or any(map(_is_regions, task.values()))


def _is_regions(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "x" in each for each in value)
    )


def read_label_studio(
    path: Path | str, sizes: Sizes = displayed_size, document: Any = None, *, predictions: bool = False
) -> Reading:
    """Read a JSON or JSON-MIN export.

    Where several people annotated a task, the one marked as ground truth is read, or else the one that was last
    changed, and the others are counted; so are tasks that were skipped or have no box, and predictions. Tags of a
    region (``perRegion``) that are called as hanzaki's columns (``identity species orientation encounter date site
    quality sex origin``) fill them in JSON; JSON-MIN does not say to which box they belong. Losses: second labels
    of a box, and everything that is no box.

    Args:
        path: the exported file; images are looked for beside it and in ``images``, with the name that they had
            before they were uploaded and the one that Label Studio gave them.
        sizes: tells how large an image is, where the export does not.
        document: what stands in the file, where it has been read already.
        predictions: read a model's boxes too, of tasks that nobody has annotated; ``score`` is their confidence.

    Raises:
        TableError: if it is no such file, with everything in it that cannot be understood.
    """
    path = Path(path)
    document = read_json(path) if document is None else document
    if not is_label_studio(document):
        text = "is no export of Label Studio: it must be a list of tasks with 'data' and 'annotations'"
        raise TableError(path, [TableProblem(None, None, text)])
    rows = Rows()
    for position, (task, regions) in enumerate(_tasks(document, predictions, rows)):
        place = f"task {task.get('id', position)}"
        image = _image(task.get("data", task))
        if image is None:
            if regions:
                rows.wrong(place, "has boxes, but no image among its data")
            continue
        picture = _picture(image, path.parent)
        _read_regions(regions, place, path_from(path.parent, picture), picture, sizes, rows)
    return rows.reading(path, FORMAT)


def _tasks(document: Sequence[Any], predictions: bool, rows: Rows) -> Iterator[tuple[_Record, list[_Record]]]:
    """Each task with the regions of the one annotation that counts."""
    flat: dict[object, list[_Record]] = {}
    for position, task in enumerate(document):
        if not isinstance(task, dict):
            rows.wrong(f"task {position}", "is no object")
        elif isinstance(task.get("data"), dict):
            yield task, _chosen_regions(task, predictions, rows)
        else:
            flat.setdefault(str(task.get("id", f"at {position}")), []).append(task)
    for tasks in flat.values():  # JSON-MIN has a record for each annotation
        rows.notes["annotations by further people left out"] += len(tasks) - 1
        task = max(tasks, key=_changed)
        yield task, [region for value in task.values() if _is_regions(value) for region in value]


def _changed(record: _Record) -> str:
    return str(record.get("updated_at") or record.get("created_at") or "")


def _chosen_regions(task: _Record, predictions: bool, rows: Rows) -> list[_Record]:
    """The regions of a task of JSON, each with its label, its tags and what a model gave it."""
    written = task.get("annotations", task.get("completions"))
    drawn = [each for each in written or [] if isinstance(each, dict)] if isinstance(written, list) else []
    kept = [each for each in drawn if not each.get("was_cancelled")]
    rows.notes["tasks that were skipped left out"] += bool(drawn) and not kept
    rows.notes["annotations by further people left out"] += max(len(kept) - 1, 0)
    guesses = task.get("predictions")
    guessed = [each for each in guesses or [] if isinstance(each, dict)] if isinstance(guesses, list) else []
    if predictions and not drawn and guessed:
        kept = guessed
    elif guessed:
        rows.notes["tasks' predictions left out"] += 1
    if not kept:
        return []
    chosen = max(kept, key=lambda each: (bool(each.get("ground_truth")), _changed(each)))
    results = chosen.get("result")
    return _joined([each for each in results or [] if isinstance(each, dict)] if isinstance(results, list) else [])


def _joined(results: Sequence[_Record]) -> list[_Record]:
    """One record for each region: what Label Studio writes as several results of the same ``id``."""
    regions: dict[object, dict[str, Any]] = {}
    for position, result in enumerate(results):
        value = result.get("value")
        if not isinstance(value, dict):
            continue
        region = regions.setdefault(str(result.get("id", f"at {position}")), {})
        outer = {
            key: result[key] for key in ("original_width", "original_height", "image_rotation") if key in result
        }
        score = {"score": result["score"]} if "score" in result else {}
        if result.get("from_name") in _TAGS and not any(key in value for key in _KEYS):
            said = next((value[key] for key in ("text", "choices", "taxonomy", "number") if value.get(key)), None)
            while isinstance(said, list) and said:
                said = said[-1]
            region[f"tag {result['from_name']}"] = said
        region |= {
            **{key: value[key] for key in value if key not in ("text", "choices", "taxonomy")},
            **outer,
            **score,
        }
    return list(regions.values())


def _image(data: _Record) -> str | None:
    """The image's address: under ``image``, or else the first that ends as photographs do."""
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    if "image" in texts:
        return texts["image"]
    return next((text for text in texts.values() if _path(text).suffix.lower() in SUFFIXES), None)


def _path(address: str) -> PurePosixPath:
    """The path within an address: of an uploaded file, of local storage, of a bucket or of the web."""
    plain = address.replace("\\", "/")
    if "://" not in plain and not plain.startswith("/data/"):
        return PurePosixPath(plain)
    try:
        parts = urlsplit(plain)
    except ValueError:  # a host that cannot be one
        return PurePosixPath(plain.rsplit("/", 1)[-1])
    asked = parse_qs(parts.query).get("d")
    return PurePosixPath(asked[0] if asked else unquote(parts.path).lstrip("/"))


def _picture(address: str, folder: Path) -> Path:
    """Where the image lies; if it is nowhere to be seen, where it would."""
    path = _path(address)
    plain = _UPLOADED.sub("", path.name, count=1) if address.startswith("/data/upload/") else path.name
    local = not ("://" in address or address.startswith("/data/upload/"))
    candidates = [folder / path] if local else []
    candidates += [place / name for name in (plain, path.name) for place in (folder, folder / "images")]
    return first_there(candidates)


def _read_regions(
    regions: Sequence[_Record], place: str, path: str, picture: Path, sizes: Sizes, rows: Rows
) -> None:
    boxes = [region for region in regions if {"x", "y", "width", "height"} <= region.keys()]
    rows.notes["regions that are no boxes left out"] += len(regions) - len(boxes)
    rows.notes["tasks without boxes left out"] += not boxes
    for position, region in enumerate(boxes, 1):
        where = f"{place}, box {position}"
        if region.get("image_rotation"):
            rows.notes["boxes on an image that was turned in Label Studio left out"] += 1
            continue
        try:
            box = _box(region, picture, sizes)
        except ValueError as error:
            rows.wrong(where, str(error))
            continue
        labels: list[object] = next(
            (region[key] for key in _KEYS if isinstance(region.get(key), list) and region[key]), []
        )
        rows.notes["second labels of a box left out"] += max(len(labels) - 1, 0)
        tags = {name: region.get(f"tag {name}") for name in _TAGS}
        label = str(labels[0]) if labels else None
        rows.add(where, path=path, bbox=box, label=label, confidence=region.get("score"), **tags)


def _box(region: _Record, picture: Path, sizes: Sizes) -> Box:
    numbers = [region["x"], region["y"], region["width"], region["height"], region.get("rotation") or 0]
    if not all(map(is_number, numbers)):
        raise ValueError(f"x, y, width, height and 'rotation' must be numbers, not {numbers!r}")
    size: tuple[Any, Any] = (region.get("original_width"), region.get("original_height"))
    if not all(is_number(side) and side > 0 for side in size):
        try:
            size = sizes(picture)
        except BadMedium as error:
            raise ValueError(f"'original_width' and 'original_height' are missing, and {error}") from None
    (width, height), (x, y, w, h, degrees) = size, (float(number) for number in numbers)
    theta = math.remainder(math.radians(degrees), 2 * math.pi)
    w, h = w / 100 * width, h / 100 * height
    across, down = _from_corner_to_centre(w, h, theta)
    left, top = x / 100 * width + across - w / 2, y / 100 * height + down - h / 2
    return Box.parse(f"{left!r} {top!r} {w!r} {h!r} {theta!r}")


def _from_corner_to_centre(w: float, h: float, theta: float) -> tuple[float, float]:
    """From the corner that a box is turned about to its centre; y runs down, so that angles are clockwise."""
    sine, cosine = math.sin(theta), math.cos(theta)
    return (w * cosine - h * sine) / 2, (w * sine + h * cosine) / 2


def write_label_studio(
    annotations: Annotations, path: Path | str, sizes: Sizes = displayed_size, images: str = LOCAL_FILES
) -> Mapping[str, int]:
    """Write tasks in JSON, to be imported into Label Studio.

    Boxes that a detector drew (those with a confidence) become predictions, which people can correct; the others
    become annotations. The labelling configuration needs ``<RectangleLabels name="label" toName="image">``; what
    is known of an animal stands in tags of its region (``<TextArea name="identity" perRegion="true">``). Losses:
    ``image_id``; what nobody named is called ``animal``; rows of videos cannot be held.

    Args:
        annotations: the table.
        path: the file to write.
        sizes: tells how large a photograph is.
        images: what stands before each path, which leads from the new file's folder: for local storage, whose root
            must be that folder, nothing need be said.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if a name is not UTF-8, or the file cannot be written.
    """
    path = Path(path)
    notes: Counter[str] = Counter()
    tasks = []
    for number, picture in enumerate(pictures(annotations, sizes, notes), 1):
        way = moved_path(picture.path, annotations.folder, path.parent)
        address = images + quote(way, safe="/", errors="surrogateescape")
        drawn = [row for row in picture.rows if row.confidence is None]
        guessed = [row for row in picture.rows if row.confidence is not None]
        task: dict[str, Any] = {"id": number, "data": {"image": address}}
        task["annotations"] = [{"result": _results(drawn, picture, 0)}] if drawn else []
        task["predictions"] = [{"result": _results(guessed, picture, len(drawn))}] if guessed else []
        tasks.append(task)
    write_json(path, tasks)
    return dict(notes)


def _results(drawn: Sequence[AnnotationRow], picture: Picture, first: int) -> list[dict[str, Any]]:
    results = []
    width, height = picture.size
    for number, row in enumerate(drawn, first):
        assert row.bbox is not None
        x, y, w, h, theta = row.bbox
        across, down = _from_corner_to_centre(w, h, theta)
        left, top = x + w / 2 - across, y + h / 2 - down
        value = {
            "x": left / width * 100,
            "y": top / height * 100,
            "width": w / width * 100,
            "height": h / height * 100,
        }
        value["rotation"] = math.degrees(theta)
        common = {"id": f"box{number}", "to_name": "image", "original_width": width, "original_height": height}
        common["image_rotation"] = 0
        score = {} if row.confidence is None else {"score": row.confidence}
        labels = {"from_name": "label", "type": "rectanglelabels"}
        results.append({**common, **labels, "value": {**value, "rectanglelabels": [label_of(row)]}, **score})
        for name in _TAGS:
            said = getattr(row, name)
            if said is not None:
                text = said.isoformat() if isinstance(said, datetime) else str(said)
                tag = {"from_name": name, "type": "textarea", "value": {**value, "text": [text]}}
                results.append({**common, **tag})
    return results
