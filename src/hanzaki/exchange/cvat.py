"""CVAT XML 1.1 (docs.cvat.ai/docs/other/xml_format): boxes on images, and tracks through a video.

*CVAT for images*: ``annotations / image{name width height} / box{label xtl ytl xbr ybr rotation}``, in pixels;
``rotation`` turns the box about its centre, in degrees clockwise. *CVAT for video*: ``annotations / track{id
label} / box{frame outside xtl ...}``; the XML does not say how many frames a second has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from hanzaki.annotations import AnnotationRow, Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem, printable
from hanzaki.exchange.pictures import SUFFIXES, Sizes, displayed_size, first_there, path_from
from hanzaki.exchange.reading import Reading, Rows, read_xml
from hanzaki.exchange.writing import label_of, moved_path, pictures, short, write_xml

FORMAT = "CVAT XML"

#: A box's attributes that are hanzaki's columns, where a team labels with attributes of these names.
_ATTRIBUTES = (
    *("identity", "species", "orientation", "encounter", "date", "site"),
    *("confidence", "quality", "sex", "origin"),
)

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_FRAMES = 10**9  # more than any video has
_OTHER_SHAPES = frozenset({"polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton", "tag"})


def is_cvat(root: Element) -> bool:
    """Whether an XML document is CVAT's."""
    return root.tag == "annotations"


def read_cvat(
    path: Path | str,
    sizes: Sizes = displayed_size,
    frame_rate: float | None = None,
    root: Element | None = None,
) -> Reading:
    """Read CVAT for images or CVAT for video, 1.1.

    Attributes of a box that are called as hanzaki's columns (``identity species orientation encounter date site
    confidence quality sex origin``) fill them. Other shapes than boxes, images without boxes, and boxes on an
    image that is at hand in another size than CVAT says, are left out and counted. A track is an encounter; frames
    on which it is ``outside`` are passed over. Losses: ``occluded``, ``z_order``, groups and other attributes.

    Args:
        path: ``annotations.xml``; images are looked for beside it and in ``images``.
        sizes: tells how large an image is.
        frame_rate: of a video's tracks, frames per second; without it they are of the frames that CVAT exports as
            ``images/frame_000000.png``, which must be there.
        root: what stands in the file, where it has been read already.

    Raises:
        TableError: if it is no such file, with everything in it that cannot be understood.
    """
    path = Path(path)
    root = read_xml(path) if root is None else root
    if not is_cvat(root):
        text = f"is no CVAT XML: its root is {root.tag!r}, not 'annotations'"
        raise TableError(path, [TableProblem(None, None, text)])
    rows = Rows()
    for image in root.findall("image"):
        _read_image(image, path, sizes, rows)
    tracks = root.findall("track")
    if tracks:
        video = _Video(path, root, frame_rate)
        for track in tracks:
            _read_track(track, video, rows)
    return rows.reading(path, FORMAT)


def _read_image(image: Element, path: Path, sizes: Sizes, rows: Rows) -> None:
    name = image.get("name", "")
    if not name:
        rows.wrong(f"image {image.get('id')}", "'name' is missing")
        return
    boxes = image.findall("box")
    _count_others(image, rows)
    if not boxes:
        rows.notes["images without boxes left out"] += 1
        return
    picture = _picture(path.parent, name)
    if _has_other_size(image, picture, sizes):
        rows.notes["boxes drawn on an image of another size left out"] += len(boxes)
        return
    for position, record in enumerate(boxes, 1):
        place = f"image {printable(name)!r}, box {position}"
        _add(record, place, record.get("label"), rows, path=path_from(path.parent, picture))


def _count_others(element: Element, rows: Rows) -> None:
    for shape in element:
        if shape.tag in _OTHER_SHAPES:
            rows.notes[f"shapes that are no boxes left out ({shape.tag})"] += 1


def _picture(folder: Path, name: str) -> Path:
    """Where an image lies; of a video's frame, CVAT leaves out the ending."""
    names = [name] if Path(name).suffix.lower() in SUFFIXES else [f"{name}.png", f"{name}.jpg", f"{name}.PNG"]
    return first_there([place / each for place in (folder, folder / "images") for each in names])


def _has_other_size(image: Element, picture: Path, sizes: Sizes) -> bool:
    try:
        size = (int(image.get("width", 0)), int(image.get("height", 0)))
        return all(size) and sizes(picture) != size
    except (BadMedium, ValueError):
        return False  # the image is not at hand: there is nothing to compare


class _Video:
    """What the tracks of a file are of: a video whose frames are timed, or its frames as images."""

    def __init__(self, path: Path, root: Element, frame_rate: float | None) -> None:
        self.folder = path.parent
        self.frame_rate = frame_rate
        source = (
            root.findtext("meta/task/source") or root.findtext("meta/job/source") or root.findtext("meta/source")
        )
        self.source = (source or "").strip()
        self.name = (root.findtext("meta/task/name") or self.source or path.stem).strip()
        if frame_rate is not None and not self.source:
            text = "does not say of which video it is ('source' in 'meta'); export the whole task"
            raise TableError(path, [TableProblem(None, None, text)])
        if frame_rate is not None and not frame_rate > 0:
            raise TableError(
                path, [TableProblem(None, None, f"{frame_rate} frames per second: must be above zero")]
            )
        if frame_rate is None and not (self.folder / "images").is_dir():
            text = "holds tracks through a video, and does not say how many frames a second has: give the frame "
            text += "rate, or export 'CVAT for images 1.1' with the images"
            raise TableError(path, [TableProblem(None, None, text)])

    def moment(self, frame: int) -> dict[str, object]:
        """The row's path and frame."""
        if self.frame_rate is not None:
            return {"path": self.source, "frame": frame / self.frame_rate}
        return {"path": path_from(self.folder, _picture(self.folder / "images", f"frame_{frame:06d}"))}


def _read_track(track: Element, video: _Video, rows: Rows) -> None:
    _count_others(track, rows)
    encounter = f"{video.name} track {track.get('id', '?')}"
    for record in track.findall("box"):
        if record.get("outside") == "1":
            continue
        place = f"track {track.get('id')}, frame {record.get('frame')}"
        try:
            frame = int(record.get("frame", ""))
        except ValueError:
            frame = -1
        if not 0 <= frame < _FRAMES:
            rows.wrong(place, "'frame' is no number of a frame")
            continue
        _add(record, place, track.get("label"), rows, encounter=encounter, **video.moment(frame))


def _add(record: Element, place: str, label: str | None, rows: Rows, **cells: object) -> None:
    try:
        box = _box(record)
    except ValueError as error:
        rows.wrong(place, str(error))
        return
    said = {attribute.get("name"): attribute.text for attribute in record.findall("attribute")}
    known = {name: said[name] for name in _ATTRIBUTES if said.get(name)}
    rows.add(place, **{**cells, "bbox": box, "label": label, **known})


def _box(record: Element) -> Box:
    texts = [record.get(name, "") for name in (*_CORNERS, "rotation")]
    try:
        left, top, right, bottom, degrees = (float(text) for text in (*texts[:4], texts[4] or "0"))
    except ValueError:
        raise ValueError(f"{', '.join(_CORNERS)} and 'rotation' must be numbers, not {texts!r}") from None
    theta = math.remainder(math.radians(degrees), 2 * math.pi) if math.isfinite(degrees) else degrees
    return Box.parse(f"{left!r} {top!r} {right - left!r} {bottom - top!r} {theta!r}")


def write_cvat(annotations: Annotations, path: Path | str, sizes: Sizes = displayed_size) -> Mapping[str, int]:
    """Write CVAT for images 1.1, to be uploaded to a task that holds the same images.

    What is known of an animal stands in attributes of the box, which CVAT keeps if the label has attributes of
    these names. CVAT matches images by name: a path is written as it leads from the new file's folder. Losses:
    ``image_id``; what nobody named is called ``animal``; rows of videos cannot be held.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if a name cannot be held by XML, or the file cannot be written.
    """
    path = Path(path)
    notes: Counter[str] = Counter()
    found = pictures(annotations, sizes, notes)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for name in sorted({label_of(row) for picture in found for row in picture.rows}):
        SubElement(SubElement(labels, "label"), "name").text = name
    for number, picture in enumerate(found):
        name = moved_path(picture.path, annotations.folder, path.parent)
        width, height = map(str, picture.size)
        image = SubElement(root, "image", {"id": str(number), "name": name, "width": width, "height": height})
        for row in picture.rows:
            _write_box(row, image)
    write_xml(path, root)
    return dict(notes)


def _write_box(row: AnnotationRow, image: Element) -> None:
    assert row.bbox is not None
    x, y, w, h, theta = row.bbox
    corners = {name: short(value) for name, value in zip(_CORNERS, (x, y, x + w, y + h), strict=True)}
    source = "manual" if row.confidence is None else "auto"
    record = SubElement(image, "box", {"label": label_of(row), "source": source, "occluded": "0", **corners})
    record.set("z_order", "0")
    if theta:
        record.set("rotation", short(math.degrees(theta) % 360))
    for name in _ATTRIBUTES:
        value = getattr(row, name)
        if value is not None:
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            SubElement(record, "attribute", name=name).text = text
