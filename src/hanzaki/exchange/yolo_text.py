"""YOLO text: beside each photograph a text file with one line per box, ``class x y w h`` and perhaps a confidence.

``x y`` is the box's centre, and all four are shares of the picture's width and height (0 to 1). What a class is
called stands in ``classes.txt`` (LabelImg, Label Studio), ``obj.names`` (CVAT) or under ``names`` in ``data.yaml``
(docs.ultralytics.com/datasets/detect). Labels lie beside the photographs or in ``labels/`` where those are in
``images/``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanzaki.annotations import Annotations
from hanzaki.boxes import Box
from hanzaki.errors import BadMedium, TableError, TableProblem, printable
from hanzaki.exchange.pictures import SUFFIXES, Sizes, displayed_size, path_from
from hanzaki.exchange.reading import Reading, Rows, read_bytes
from hanzaki.exchange.writing import label_of, new_folder, pictures, placed, upright_box, write_whole

FORMAT = "YOLO text"

_IMAGES, _LABELS = "images", "labels"
_NAME_FILES = ("classes.txt", "obj.names")
_YAML_FILES = ("data.yaml", "data.yml", "dataset.yaml")
_SPLITS = ("train", "val", "valid", "test")
_NOT_LABELS = frozenset(
    {"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt", "notes.txt"}
)
_LABEL_LINE = re.compile(rb"\s*\d+(\s+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)
_SLACK = 1e-4  # what rounding to a few decimals may put beyond the picture's edge


@dataclass(frozen=True)
class _Dataset:
    """A folder of YOLO text: where the paths start, what its classes are called, and its photographs."""

    root: Path
    source: Path
    named_by: Path
    names: Mapping[int, str]
    photographs: Sequence[Path]


def is_yolo(folder: Path) -> bool:
    """Whether a folder holds YOLO text: a file that names classes, beside the labels or above them."""
    return _naming_file(folder) is not None or ((folder / _IMAGES).is_dir() and (folder / _LABELS).is_dir())


def read_yolo_text(path: Path | str, sizes: Sizes = displayed_size) -> Reading:
    """Read YOLO text.

    A row is a box. Photographs that are not at hand, or cannot be opened, and photographs without boxes are left
    out and counted. Losses: none; there are boxes, labels and perhaps confidences.

    Args:
        path: the folder, or its ``data.yaml``; that may name folders, lists of folders, or lists of photographs.
        sizes: tells how large a photograph is.

    Raises:
        TableError: if it is no such folder, or with every line that cannot be understood.
    """
    dataset = _dataset(Path(path))
    rows = Rows()
    used: set[Path] = set()
    for photograph in dataset.photographs:
        labels = _labels_of(photograph)
        if labels is None:
            rows.notes["photographs without labels left out"] += 1
            continue
        used.add(labels)
        _read_labels(labels, photograph, dataset, sizes, rows)
    rows.notes["label files without a photograph left out"] = sum(
        file not in used for file in _label_files(dataset.root)
    )
    if not used:
        text = (
            "holds no photograph with a text file of its name; put the photographs beside the labels, or into a "
        )
        text += "folder 'images' beside 'labels'"
        raise TableError(dataset.root, [TableProblem(None, None, text)])
    return rows.reading(dataset.source, FORMAT)


def _dataset(path: Path) -> _Dataset:
    root = path if path.is_dir() else path.parent
    naming = _naming_file(path) if path.is_dir() else path
    if naming is None:
        text = f"says nowhere what its classes are called: add classes.txt, one name a line, or {_YAML_FILES[0]}"
        raise TableError(path, [TableProblem(None, None, text)])
    if naming.suffix.lower() not in {".yaml", ".yml"}:
        lines = _text(naming).splitlines()
        names = {number: line.strip() for number, line in enumerate(lines) if line.strip()}
        return _Dataset(root, path, naming, names, list(_photographs(root)))
    document = _yaml(naming)
    entries = [entry for split in _SPLITS for entry in _listed(document.get(split))]
    base = Path(os.path.normpath(naming.parent / str(document.get("path") or ".")))
    if not base.is_dir():  # written for another machine
        base = naming.parent
    photographs = [photograph for entry in entries for photograph in _entry(base, entry, naming)]
    return _Dataset(
        root,
        path,
        naming,
        _names(document.get("names"), naming),
        list(dict.fromkeys(photographs or _photographs(root))),
    )


def _naming_file(folder: Path) -> Path | None:
    """The file that names the classes: of several, the one nearest to the folder itself."""
    names = (*_YAML_FILES, *_NAME_FILES)
    for place in (folder, folder / _LABELS, folder / "Annotations", folder / _IMAGES):
        for name in names:
            if (place / name).is_file():
                return place / name
    return None


def _yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        text = "needs PyYAML to be read (pip install pyyaml), or a classes.txt beside it: one name a line"
        raise TableError(path, [TableProblem(None, None, text)]) from error
    try:
        document = yaml.safe_load(read_bytes(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TableError(path, [TableProblem(None, None, f"is not YAML: {error}")]) from error
    if not isinstance(document, dict) or "names" not in document:
        text = "has no 'names': it must say what the classes are called"
        raise TableError(path, [TableProblem(None, None, text)])
    return document


def _names(names: Any, path: Path) -> dict[int, str]:
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict) and all(str(number).isdecimal() for number in names):
        return {int(number): str(name) for number, name in names.items()}
    raise TableError(path, [TableProblem(None, None, "'names' must be a list, or number each name: '0: head'")])


def _listed(entry: Any) -> list[str]:
    entries = entry if isinstance(entry, list) else [entry]
    return [str(each) for each in entries if each]


def _entry(base: Path, entry: str, naming: Path) -> list[Path]:
    """The photographs of one split's entry: a folder of them, or a text file with one path a line."""
    place = base / entry
    if not place.exists() and entry.startswith("../"):  # as Roboflow writes what lies beside the file
        place = base / entry.removeprefix("../")
    if place.is_dir():
        return list(_photographs(place))
    if not place.is_file():
        text = f"{entry!r}: no such folder or list of photographs"
        raise TableError(naming, [TableProblem(None, None, text)])
    return [place.parent / line.strip() for line in _text(place).splitlines() if line.strip()]


def _photographs(folder: Path) -> Iterator[Path]:
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    yield from sorted(
        file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def _labels_of(photograph: Path) -> Path | None:
    """The text file of a photograph: in ``labels`` for the last ``images`` of its path, or beside it."""
    beside = photograph.with_suffix(".txt")
    parts = list(beside.parts)
    swapped = [at for at, part in enumerate(parts[:-1]) if part == _IMAGES]
    if swapped:
        parts[swapped[-1]] = _LABELS
    return next((file for file in (Path(*parts), beside) if file.is_file()), None)


def _label_files(root: Path) -> Iterator[Path]:
    for file in root.rglob("*.txt"):
        if file.name.lower() not in _NOT_LABELS:
            with file.open("rb") as opened:
                if _LABEL_LINE.fullmatch(opened.readline(1000)):
                    yield file


def _read_labels(labels: Path, photograph: Path, dataset: _Dataset, sizes: Sizes, rows: Rows) -> None:
    lines = [(number, line.split()) for number, line in enumerate(_text(labels).splitlines(), 1) if line.strip()]
    if not lines:
        rows.notes["photographs without boxes left out"] += 1
        return
    try:
        width, height = sizes(photograph)
    except BadMedium as error:
        rows.notes[f"photographs that cannot be opened left out ({error.reason})"] += 1
        return
    for number, cells in lines:
        place = f"{printable(labels)}, line {number}"
        try:
            label, (x, y, w, h), confidence = _line(cells, dataset)
        except ValueError as error:
            rows.wrong(place, str(error))
            continue
        box = Box((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
        path = path_from(dataset.source.parent, photograph)
        rows.add(place, path=path, bbox=box, label=label, confidence=confidence)


def _line(cells: Sequence[str], dataset: _Dataset) -> tuple[str, list[float], float | None]:
    """A line's label, its box as shares of the picture, and its confidence."""
    if len(cells) == 9:
        raise ValueError("has the four corners of a rotated box, which are not read: export upright boxes")
    if len(cells) > 6:
        raise ValueError(f"has an outline of {(len(cells) - 1) // 2} points (a segment), not a box: export boxes")
    try:
        number, shares = float(cells[0]), [float(cell) for cell in cells[1:]]
    except ValueError:
        raise ValueError(f"{' '.join(cells)!r} has what is no number: write class x y width height") from None
    if len(shares) not in (4, 5):
        raise ValueError(f"has {len(cells)} numbers instead of 5: write class x y width height")
    if not all(-_SLACK <= share <= 1 + _SLACK for share in shares):
        raise ValueError("has numbers that are not from 0 to 1: write shares of the picture, not pixels")
    if number not in dataset.names:
        named = f"{printable(dataset.named_by)} names {len(dataset.names)}, from 0 on"
        raise ValueError(f"there is no class {cells[0]}: {named}")
    return dataset.names[int(number)], shares[:4], min(max(shares[4], 0.0), 1.0) if shares[4:] else None


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = f"is not UTF-8 (byte {error.start}); save it as UTF-8"
        raise TableError(path, [TableProblem(None, None, text)]) from error


def write_yolo_text(
    annotations: Annotations, folder: Path | str, sizes: Sizes = displayed_size
) -> Mapping[str, int]:
    """Write YOLO text into a new folder: ``images``, ``labels``, ``classes.txt`` and ``data.yaml``.

    The photographs are copied, for without them the boxes mean nothing. Losses: all columns but ``bbox``,
    ``label`` and ``confidence``; boxes are cut at the picture's edges and rounded to 6 decimals; rotated ones
    become upright; what nobody named is called ``animal``. ``data.yaml`` gives the same folder to train and to
    check on: to part the animals is for the trainer to do.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if the folder holds anything, or cannot be written.
    """
    folder = Path(folder)
    new_folder(folder)
    notes: Counter[str] = Counter()
    found = pictures(annotations, sizes, notes)
    classes = {
        label: number for number, label in enumerate(sorted({label_of(row) for p in found for row in p.rows}))
    }
    places = placed((picture.path for picture in found), dropped=_IMAGES)  # trainers go by the last of this name
    for picture in found:
        lines = []
        for row in picture.rows:
            shares = _shares(upright_box(row, notes), picture.size)
            if shares is None:
                notes["boxes beside the picture left out"] += 1
                continue
            confidence = "" if row.confidence is None else f" {row.confidence:.6f}"
            lines.append(f"{classes[label_of(row)]} {shares}{confidence}\n")
        place = places[picture.path]
        text = (folder / _LABELS / place).with_suffix(".txt")
        _copy(picture.file, folder / _IMAGES / place)
        text.parent.mkdir(parents=True, exist_ok=True)
        write_whole(text, "".join(lines))
    write_whole(folder / "classes.txt", "".join(f"{label}\n" for label in classes))
    names = "".join(f"  {number}: {json.dumps(label, ensure_ascii=False)}\n" for label, number in classes.items())
    write_whole(folder / "data.yaml", f"train: images\nval: images\nnames:\n{names}" if names else "names: []\n")
    return dict(notes)


def _shares(box: Box, size: tuple[int, int]) -> str | None:
    """Centre and size as shares of the picture, of that part of the box that lies on it."""
    width, height = size
    left, right = max(box.x, 0.0) / width, min(box.x + box.w, width) / width
    top, bottom = max(box.y, 0.0) / height, min(box.y + box.h, height) / height
    shares = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    return " ".join(f"{share:.6f}" for share in shares) if min(shares[2:]) >= 1e-6 else None


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise TableError(target, [TableProblem(None, None, f"cannot be written: {error.strerror}")]) from error
