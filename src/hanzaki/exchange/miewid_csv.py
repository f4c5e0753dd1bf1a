"""MiewID's CSV (WildMeOrg/wbia-plugin-miew-id, "Expected CSV data format").

``theta viewpoint name file_name species file_path x y w h``: ``theta`` is the rotation of the box about its
centre, in radians; an animal that nobody knows is ``____``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from hanzaki.boxes import Box
from hanzaki.errors import TableProblem
from hanzaki.exchange.csv_file import read_csv
from hanzaki.exchange.reading import UPRIGHT, Reading, angle, chosen_paths, enclosing, validated

FORMAT = "MiewID CSV"

#: What MiewID calls hanzaki's columns; those not named here are called the same.
_NAMES = {"identity": "name", "orientation": "viewpoint", "path": "file_name", "bbox": "x, y, w, h"}
_SIDES = ["x", "y", "w", "h"]


def is_miewid(header: Collection[str]) -> bool:
    """Whether a CSV file with these columns is MiewID's."""
    return "name" in header and ("file_name" in header or "file_path" in header)


def read_miewid_csv(path: Path | str) -> Reading:
    """Read MiewID's CSV.

    Columns that it shares with the identity table (``species image_id encounter date site``) are read too. A box
    that is rotated by 0.1 radians or more becomes the upright box around it, and is counted.

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
    boxes, rotated = _boxes(frame, problems)
    known = {hanzakis: frame[name] for hanzakis, name in _NAMES.items() if name in frame.columns}
    same = {name: frame[name] for name in ("species", "image_id", "encounter", "date", "site") if name in frame}
    paths = chosen_paths(path.parent, _cells(frame, "file_name"), _cells(frame, "file_path"))
    columns = pd.DataFrame({**known, **same, "path": paths, "bbox": boxes}, dtype=object)
    annotations = validated(columns, path, None, _NAMES, problems)
    return Reading(annotations, FORMAT, {"rotated boxes made upright": rotated} if rotated else {})


def _cells(frame: pd.DataFrame, name: str) -> list[str | None]:
    return list(frame[name]) if name in frame.columns else [None] * len(frame)


def _boxes(frame: pd.DataFrame, problems: list[TableProblem]) -> tuple[list[str | Box | None], int]:
    """Each row's box, upright, and how many had to be made so."""
    missing = [name for name in _SIDES if name not in frame.columns]
    if missing:
        if len(missing) < len(_SIDES):
            text = f"a box needs x, y, w and h; missing: {', '.join(missing)}"
            problems.append(TableProblem(None, None, text))
        return [None] * len(frame), 0
    boxes: list[str | Box | None] = []
    rotated = 0
    cells = zip(*(frame[name] for name in _SIDES), strict=True)
    for row, (sides, cell) in enumerate(zip(cells, _cells(frame, "theta"), strict=True), 2):
        text = " ".join(side.strip() or "?" for side in sides)
        boxes.append(text if any(sides) else None)
        try:
            theta = angle(cell)
        except ValueError as error:
            problems.append(TableProblem(row, "theta", str(error)))
            continue
        if any(sides) and abs(theta) >= UPRIGHT:
            try:
                boxes[-1] = enclosing(Box.parse(text), theta)
            except ValueError:
                continue  # the text stays, and is told of with all other cells that cannot be understood
            rotated += 1
    return boxes, rotated
