"""MiewID's CSV (WildMeOrg/wbia-plugin-miew-id, "Expected CSV data format").

``theta viewpoint name file_name species file_path x y w h``: ``theta`` is the rotation of the box about its
centre, in radians clockwise (``rotate_box`` of its ``helpers.py``); an animal that nobody knows is ``____``.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import TableProblem
from hanzaki.exchange.csv_file import read_csv
from hanzaki.exchange.reading import Reading, angle, chosen_paths, validated
from hanzaki.exchange.writing import moved_path, short, write_whole

FORMAT = "MiewID CSV"

#: What MiewID calls hanzaki's columns; those not named here are called the same.
_NAMES = {"identity": "name", "orientation": "viewpoint", "path": "file_name", "bbox": "x, y, w, h"}
_SIDES = ["x", "y", "w", "h"]

_COLUMNS = ("theta", "viewpoint", "name", "file_name", "species", "file_path", *_SIDES)

#: Columns of the identity table that MiewID does not have, and passes over.
_SHARED = ("image_id", "encounter", "date", "site", "label", "confidence", "quality", "sex", "origin")


def is_miewid(header: Collection[str]) -> bool:
    """Whether a CSV file with these columns is MiewID's."""
    return "name" in header and ("file_name" in header or "file_path" in header)


def read_miewid_csv(path: Path | str) -> Reading:
    """Read MiewID's CSV.

    Columns that it shares with the identity table (``image_id encounter date site label confidence quality sex
    origin``) are read too.

    Raises:
        TableError: if the file is no such table, with every cell that cannot be understood.
    """
    path = Path(path)
    frame = read_csv(path)
    problems: list[TableProblem] = []
    if not is_miewid(frame.columns):
        found = ", ".join(frame.columns) or "none"
        text = f"MiewID's columns 'name' and 'file_name' or 'file_path' are missing (columns found: {found})"
        problems.append(TableProblem(None, None, text))
    known = {hanzakis: frame[name] for hanzakis, name in _NAMES.items() if name in frame.columns}
    same = {name: frame[name] for name in ("species", *_SHARED) if name in frame}
    paths = chosen_paths(path.parent, _cells(frame, "file_name"), _cells(frame, "file_path"))
    columns = pd.DataFrame({**known, **same, "path": paths, "bbox": _boxes(frame, problems)}, dtype=object)
    return Reading(validated(columns, path, None, _NAMES, problems), FORMAT)


def _cells(frame: pd.DataFrame, name: str) -> list[str | None]:
    return list(frame[name]) if name in frame.columns else [None] * len(frame)


def _boxes(frame: pd.DataFrame, problems: list[TableProblem]) -> list[str | None]:
    """Each row's box as text, which the annotations read, once."""
    missing = [name for name in _SIDES if name not in frame.columns]
    if missing:
        if len(missing) < len(_SIDES):
            text = f"a box needs x, y, w and h; missing: {', '.join(missing)}"
            problems.append(TableProblem(None, None, text))
        return [None] * len(frame)
    boxes: list[str | None] = []
    cells = zip(*(frame[name] for name in _SIDES), strict=True)
    for row, (sides, cell) in enumerate(zip(cells, _cells(frame, "theta"), strict=True), 2):
        text = " ".join(side.strip() or "?" for side in sides)
        try:
            theta = angle(cell)
        except ValueError as error:
            problems.append(TableProblem(row, "theta", str(error)))
            theta = 0.0
        boxes.append((f"{text} {theta!r}" if theta else text) if any(sides) else None)
    return boxes


def write_miewid_csv(annotations: Annotations, path: Path | str) -> Mapping[str, int]:
    """Write MiewID's CSV, and beside its own columns the others that :func:`read_miewid_csv` takes.

    ``file_name`` and ``file_path`` both lead from the new table's folder to the picture. A row without a box has
    none here either. Rows of videos cannot be held.

    Returns:
        What could not be written, with how many of each.

    Raises:
        TableError: if a cell is not UTF-8, or the file cannot be written.
    """
    path = Path(path)
    notes: Counter[str] = Counter()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *_SHARED])
    for row in annotations:
        if row.frame is not None:
            notes["rows of videos left out"] += 1
            continue
        file = moved_path(row.path, annotations.folder, path.parent)
        box = ["0", "", "", "", ""] if row.bbox is None else [short(row.bbox.theta), *map(short, row.bbox[:4])]
        own = [box[0], row.orientation, row.identity or "____", file, row.species, file, *box[1:]]
        writer.writerow([*own, *(_written(getattr(row, name)) for name in _SHARED)])
    write_whole(path, text.getvalue())
    return dict(notes)


def _written(cell: object) -> object:
    return cell.isoformat() if isinstance(cell, datetime) else cell
