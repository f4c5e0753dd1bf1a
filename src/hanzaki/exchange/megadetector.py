"""MegaDetector's results, format 1.6 and older (lila.science/megadetector-output-format).

A JSON object with ``detection_categories`` and ``images``; each image, or video, has a ``file`` and
``detections`` with ``category conf bbox`` and, in videos, ``frame_number``. Boxes are ``x y width height`` as
shares of the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem
from hanzaki.exchange.pictures import Sizes, displayed_size
from hanzaki.exchange.reading import Reading, Rows, is_number, read_json
from hanzaki.exchange.writing import ANY_ANIMAL, Picture, label_of, moved_path, pictures, upright_box, write_json

FORMAT = "MegaDetector JSON"

#: MegaDetector 5's own threshold, where the file names none.
THRESHOLD = 0.2

_NAMES = {"path": "file", "confidence": "conf", "label": "category", "frame": "frame_number"}

_Record = Mapping[str, Any]


def is_megadetector(document: object) -> bool:
    """Whether a JSON document is MegaDetector's."""
    return isinstance(document, dict) and "detection_categories" in document and "images" in document


def read_megadetector(
    path: Path | str,
    sizes: Sizes = displayed_size,
    document: Any = None,
    *,
    threshold: float | None = None,
    category: str | None = ANY_ANIMAL,
) -> Reading:
    """Read MegaDetector's results.

    Left out and counted are detections below the threshold or of other categories (people, vehicles), files that
    MegaDetector could not read or found nothing in, and files whose size nobody can tell. Losses:
    ``classifications`` (a species that a machine guessed is not known), and what ``info`` says.

    Args:
        path: the results; the files that they name are looked for from its folder.
        sizes: tells how large a photograph or video is, where the results do not.
        document: what stands in the file, where it has been read already.
        threshold: the least confidence; None for the one that the results recommend, or else 0.2.
        category: the one to read, or None for all.

    Raises:
        TableError: if it is no such file, or with everything in it that cannot be understood.
    """
    path = Path(path)
    document = read_json(path) if document is None else document
    if not is_megadetector(document) or not isinstance(document["images"], list):
        text = "is no MegaDetector JSON: it needs 'detection_categories' and a list 'images'"
        raise TableError(path, [TableProblem(None, None, text)])
    categories = document["detection_categories"]
    if not isinstance(categories, dict):
        text = '\'detection_categories\' must name each category, as {"1": "animal"}'
        raise TableError(path, [TableProblem(None, None, text)])
    rows = Rows()
    wanted = _Wanted(categories, _threshold(document) if threshold is None else threshold, category)
    for position, record in enumerate(document["images"]):
        _read_file(record, f"images[{position}]", path.parent, wanted, sizes, rows)
    if not rows.cells and not rows.problems and any("not at hand" in note for note in rows.notes):
        text = "none of the files that it names is at hand: put it where their paths start from"
        raise TableError(path, [TableProblem(None, None, text)])
    return rows.reading(path, FORMAT, _NAMES)


class _Wanted:
    """Which detections are read."""

    def __init__(self, categories: _Record, threshold: float, category: str | None) -> None:
        self.categories = categories
        self.threshold = threshold
        self.category = category

    def label(self, detection: _Record, rows: Rows) -> str | None:
        """What a detection shows; None if it is not wanted, which is counted."""
        confidence = detection.get("conf")
        if is_number(confidence) and float(str(confidence)) < self.threshold:
            rows.notes[f"detections below {self.threshold:g} left out"] += 1
            return None
        name = self.categories.get(str(detection.get("category")))
        if name is None or (self.category is not None and name != self.category):
            rows.notes[f"detections left out ({name or 'of no category'})"] += 1
            return None
        return str(name)


def _threshold(document: _Record) -> float:
    """What the detector's makers recommend, as the results say."""
    info = document.get("info")
    said = info.get("detector_metadata") if isinstance(info, dict) else None
    typical = said.get("typical_detection_threshold") if isinstance(said, dict) else None
    return float(typical) if typical is not None and is_number(typical) else THRESHOLD


def _read_file(record: Any, place: str, folder: Path, wanted: _Wanted, sizes: Sizes, rows: Rows) -> None:
    if not isinstance(record, dict) or not isinstance(record.get("file"), str) or not record["file"]:
        rows.wrong(place, "is no object with a 'file'")
        return
    detections = record.get("detections")
    if record.get("failure") or detections is None:
        rows.notes["files that MegaDetector could not read left out"] += 1
        return
    if not isinstance(detections, list) or not all(isinstance(each, dict) for each in detections):
        rows.wrong(place, "'detections' is no list of objects")
        return
    labels = [wanted.label(each, rows) for each in detections]
    kept = [(each, label) for each, label in zip(detections, labels, strict=True) if label is not None]
    if not kept:
        rows.notes["files without such detections left out"] += 1
        return
    file = record["file"].replace("\\", "/")
    try:
        size = _size(record) or sizes(folder / file)
    except (BadMedium, ValueError) as error:
        reason = error.reason if isinstance(error, BadMedium) else "no such name can be"
        rows.notes[f"detections in files that are not at hand left out ({reason})"] += len(kept)
        return
    for position, (detection, label) in enumerate(kept):
        try:
            cells = {"bbox": _box(detection.get("bbox"), size), "frame": _moment(detection, record)}
        except ValueError as error:
            rows.wrong(f"{place}, detection {position}", str(error))
            continue
        conf = detection.get("conf")
        rows.add(f"{place}, detection {position}", path=file, label=label, confidence=conf, **cells)


def _size(record: _Record) -> tuple[int, int] | None:
    """What the results say themselves, where MegaDetector was asked to include it."""
    width, height = record.get("width"), record.get("height")
    if type(width) is int and type(height) is int and width > 0 and height > 0:
        return width, height
    return None


def _box(cells: Any, size: tuple[int, int]) -> Box:
    if not isinstance(cells, list) or len(cells) != 4 or not all(map(is_number, cells)):
        raise ValueError(f"'bbox': {cells!r} is not a box: it must be four shares, [x, y, width, height]")
    if not all(-0.5 <= cell <= 1.5 for cell in cells):
        raise ValueError(f"'bbox': {cells!r} is not in shares of the picture, from 0 to 1")
    x, y, w, h = (float(cell) * side for cell, side in zip(cells, (*size, *size), strict=True))
    return Box.parse(f"{x!r} {y!r} {w!r} {h!r}")


def _moment(detection: _Record, record: _Record) -> float | None:
    """Seconds from the video's start; None in a photograph."""
    frame, rate = detection.get("frame_number"), record.get("frame_rate")
    if frame is None:
        return None
    if not is_number(frame) or frame < 0:
        raise ValueError(f"'frame_number': {frame!r} is no number of a frame")
    if not is_number(rate) or not float(str(rate)) > 0:
        raise ValueError(
            "'frame_rate' of the video is missing: run MegaDetector again, in a version of 2024 or later"
        )
    return float(frame) / float(str(rate))


def write_megadetector(
    annotations: Annotations,
    path: Path | str,
    sizes: Sizes = displayed_size,
    frame_rate: Callable[[Path], float] | None = None,
) -> Mapping[str, int]:
    """Write results as MegaDetector 1.6, which Timelapse, AddaxAI and camera-trap platforms read.

    Losses: all columns but ``bbox``, ``label``, ``confidence`` and ``frame``; rotated boxes become upright; boxes
    are cut at the picture's edges; a box that a person drew has confidence 1; what nobody named is called
    ``animal``; a moment becomes the frame that is nearest to it.

    Args:
        annotations: the table.
        path: the file to write; paths lead from its folder.
        sizes: tells how large a photograph or video is.
        frame_rate: tells how many frames a second of a video has; without it, rows of videos are left out.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if a name is not UTF-8, or the file cannot be written.
    """
    path = Path(path)
    notes: Counter[str] = Counter()
    found = pictures(annotations, sizes, notes, videos=frame_rate is not None)
    labels = sorted({label_of(row) for picture in found for row in picture.rows} - {ANY_ANIMAL})
    numbers = {label: str(number) for number, label in enumerate([ANY_ANIMAL, *labels], 1)}
    images = []
    for picture in found:
        rate = (
            frame_rate(picture.file) if frame_rate and any(row.frame is not None for row in picture.rows) else None
        )
        record: dict[str, Any] = {"file": moved_path(picture.path, annotations.folder, path.parent)}
        record["detections"] = _detections(picture, numbers, rate, notes)
        if rate is not None:
            frames = {each["frame_number"] for each in record["detections"]}
            record |= {"frame_rate": rate, "frames_processed": sorted(frames)}
        images.append(record)
    categories = {number: label for label, number in numbers.items()}
    write_json(path, {"info": {"format_version": "1.6"}, "detection_categories": categories, "images": images})
    return dict(notes)


def _detections(
    picture: Picture, numbers: Mapping[str, str], rate: float | None, notes: Counter[str]
) -> list[dict[str, Any]]:
    detections = []
    for row in picture.rows:
        shares = _shares(upright_box(row, notes), picture.size)
        if shares is None:
            notes["boxes beside the picture left out"] += 1
        elif rate is not None and row.frame is None:
            notes["rows of videos without their moment left out"] += 1
        else:
            detections.append(_detection(row, shares, numbers, rate))
    return detections


def _detection(
    row: AnnotationRow, shares: Sequence[float], numbers: Mapping[str, str], rate: float | None
) -> dict[str, Any]:
    confidence = 1.0 if row.confidence is None else row.confidence
    detection = {"category": numbers[label_of(row)], "conf": confidence, "bbox": list(shares)}
    if rate is not None and row.frame is not None:
        detection["frame_number"] = round(row.frame * rate)
    return detection


def _shares(box: Box, size: tuple[int, int]) -> list[float] | None:
    width, height = size
    left, right = max(box.x, 0.0), min(box.x + box.w, width)
    top, bottom = max(box.y, 0.0), min(box.y + box.h, height)
    if right <= left or bottom <= top:
        return None
    return [left / width, top / height, (right - left) / width, (bottom - top) / height]
