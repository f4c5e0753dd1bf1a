"""Pascal VOC: one XML file a photograph, as LabelImg writes it and CVAT, Label Studio and Roboflow export it.

``annotation`` has ``filename size{width height}`` and an ``object{name bndbox{xmin ymin xmax ymax}}`` for each
box, in pixels. Corners are taken as LabelImg draws them: pixels counted from 0, the right edge at ``xmax`` (VOC's
own images counted from 1, which moves a box by one pixel).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from hanzaki.annotations import Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem, printable
from hanzaki.exchange.pictures import SUFFIXES, Sizes, displayed_size, first_there, path_from
from hanzaki.exchange.reading import Reading, Rows, read_bytes, read_xml
from hanzaki.exchange.writing import (
    Picture,
    label_of,
    moved_path,
    new_folder,
    pictures,
    placed,
    short,
    upright_box,
    write_xml,
)

FORMAT = "Pascal VOC"

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ROOT = re.compile(rb"<annotation[\s>]")
_BEGINNING, _LOOKED_AT = 1000, 20  # bytes in which the root stands, and files
_TOLD = 10  # files that are named one by one; of more there is only a count


def voc_files(folder: Path) -> list[Path]:
    """The XML files of a folder and of all in it, without hidden ones."""
    files = folder.rglob("*.xml")
    return sorted(
        file
        for file in files
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def holds_voc(folder: Path) -> bool:
    """Whether any of a folder's first XML files is Pascal VOC's: cameras, too, write XML beside what they take."""
    return any(_ROOT.search(read_bytes(file)[:_BEGINNING]) for file in voc_files(folder)[:_LOOKED_AT])


def is_voc(root: Element) -> bool:
    """Whether an XML document is Pascal VOC's."""
    return root.tag == "annotation"


def read_pascal_voc(path: Path | str, sizes: Sizes = displayed_size) -> Reading:
    """Read one Pascal VOC file, or a folder of them.

    A file of a folder that cannot be understood is left out and told in the notes, as are photographs without
    boxes. Boxes on a photograph that is at hand and has another size than the file says (it was resized, or was
    drawn on before it was turned) would lie wrong, and are left out. The photograph is looked for beside the file,
    in ``images`` and ``JPEGImages`` beside its folder, and where it was; it need not be at hand. Losses: ``pose``,
    ``truncated``, ``difficult``, ``occluded``, and parts within an object.

    Args:
        path: the file or folder.
        sizes: tells how large a photograph is.

    Raises:
        TableError: if there is no such file that can be understood, with what is wrong in each.
    """
    path = Path(path)
    files = voc_files(path) if path.is_dir() else [path]
    rows = Rows()
    unread: list[TableProblem] = []
    for file in files:
        of_file = Rows()
        try:
            _read_file(file, path.parent, sizes, of_file)
        except TableError as error:
            of_file.problems = [TableProblem(None, None, problem.text) for problem in error.problems]
        if of_file.problems:
            unread.append(TableProblem(None, None, f"{printable(file)}: {of_file.problems[0].text}"))
            continue
        rows.cells += of_file.cells
        rows.places += of_file.places
        rows.notes += of_file.notes
    if len(unread) == len(files):
        raise TableError(path, unread or [TableProblem(None, None, "holds no XML files of Pascal VOC")])
    for problem in unread[:_TOLD]:
        rows.notes[f"files left out: {problem.text}"] += 1
    rows.notes["further files left out that cannot be understood"] = max(len(unread) - _TOLD, 0)
    return rows.reading(path, FORMAT)


def _read_file(file: Path, start: Path, sizes: Sizes, rows: Rows) -> None:
    root = read_xml(file)
    if not is_voc(root):
        raise TableError(file, [TableProblem(None, None, f"is no Pascal VOC: its root is {root.tag!r}")])
    picture = _picture(file, root)
    boxes = root.findall("object")
    if not boxes:
        rows.notes["photographs without boxes left out"] += 1
    elif _has_other_size(root, picture, sizes):
        rows.notes["boxes drawn on a photograph of another size left out"] += len(boxes)
        return
    for position, record in enumerate(boxes, 1):
        place = f"object {position}"
        try:
            box = _box(record)
        except ValueError as error:
            rows.wrong(place, str(error))
            continue
        rows.add(
            f"{printable(file)}, {place}", path=path_from(start, picture), bbox=box, label=_word(record, "name")
        )


def _word(element: Element, name: str) -> str | None:
    text = (element.findtext(name) or "").strip()
    return text or None


def _box(record: Element) -> Box:
    corners = record.find("bndbox")
    if corners is None:
        kind = "a rotated box (robndbox)" if record.find("robndbox") is not None else "no bndbox"
        raise ValueError(f"has {kind}: export upright boxes, as bndbox")
    texts = [corners.findtext(name) for name in _CORNERS]
    try:
        left, top, right, bottom = (float(text or "") for text in texts)
    except ValueError:
        raise ValueError(f"bndbox: {', '.join(_CORNERS)} must be numbers, not {texts!r}") from None
    return Box.parse(f"{left!r} {top!r} {right - left!r} {bottom - top!r}")


def _picture(file: Path, root: Element) -> Path:
    """Where the photograph lies, or if it is nowhere to be seen, where it would."""
    name = (_word(root, "filename") or "").replace("\\", "/").rsplit("/", 1)[-1] or file.stem
    written = (_word(root, "path") or "").replace("\\", "/")
    names = [name] if Path(name).suffix.lower() in SUFFIXES else [f"{name}.jpg", f"{name}.jpeg", f"{name}.png"]
    around = [folder for each in ("images", "JPEGImages") if (folder := file.parent.parent / each).is_dir()]
    candidates = [file.parent / written] if written and not Path(written).is_absolute() else []
    candidates += [folder / each for folder in (*around, file.parent) for each in names]
    candidates += [Path(written)] if Path(written).is_absolute() else []
    return first_there(candidates)


def _has_other_size(root: Element, picture: Path, sizes: Sizes) -> bool:
    try:
        size = (int(float(root.findtext("size/width") or 0)), int(float(root.findtext("size/height") or 0)))
        return all(size) and sizes(picture) != size
    except (BadMedium, ValueError, OverflowError):
        return False  # the photograph is not at hand, or nothing is said: there is nothing to compare


def write_pascal_voc(
    annotations: Annotations, folder: Path | str, sizes: Sizes = displayed_size
) -> Mapping[str, int]:
    """Write Pascal VOC into a new folder: an XML file for each photograph, which stays where it is.

    Losses: all columns but ``bbox`` and ``label``; rotated boxes become upright; what nobody named is called
    ``animal``. Corners keep their decimals, which LabelImg drops.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if the folder holds anything, or cannot be written.
    """
    folder = Path(folder)
    new_folder(folder)
    notes: Counter[str] = Counter()
    found = pictures(annotations, sizes, notes)
    places = placed(picture.path for picture in found)
    for picture in found:
        file = folder / places[picture.path].with_suffix(".xml")
        file.parent.mkdir(parents=True, exist_ok=True)
        way = moved_path(picture.path, annotations.folder, file.parent)
        write_xml(file, _document(picture, way, notes))
    return dict(notes)


def _document(picture: Picture, way: str, notes: Counter[str]) -> ElementTree.Element:
    root = Element("annotation")
    SubElement(root, "folder").text = picture.file.parent.name
    SubElement(root, "filename").text = picture.file.name
    SubElement(root, "path").text = way
    size = SubElement(root, "size")
    for name, number in zip(("width", "height", "depth"), (*picture.size, 3), strict=True):
        SubElement(size, name).text = str(number)
    SubElement(root, "segmented").text = "0"
    for row in picture.rows:
        box = upright_box(row, notes)
        record = SubElement(root, "object")
        SubElement(record, "name").text = label_of(row)
        for name, text in (("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
            SubElement(record, name).text = text
        corners = SubElement(record, "bndbox")
        for name, edge in zip(_CORNERS, (box.x, box.y, box.x + box.w, box.y + box.h), strict=True):
            SubElement(corners, name).text = short(edge)
    return root
