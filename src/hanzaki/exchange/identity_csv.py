"""The identity table as the field writes it: CSV with wildlife-datasets' columns.

``identity`` and ``path``, and where known ``image_id species orientation encounter date bbox site`` and hanzaki's
other columns. Newer tables say ``position`` for ``orientation``; boxes stand as ``[x, y, w, h]`` or ``x y w h``;
an unknown animal is ``unknown``.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from hanzaki.annotations import COLUMNS, Annotations
from hanzaki.errors import TableError, TableProblem
from hanzaki.exchange.csv_file import read_csv
from hanzaki.exchange.writing import moved_path

_OTHER_NAMES = {"position": "orientation"}


def read_identity_csv(path: Path | str) -> Annotations:
    """Read an identity table.

    Raises:
        TableError: if the file is no such table, with every cell that cannot be understood.
    """
    path = Path(path)
    frame = read_csv(path)
    names = {other: name for other, name in _OTHER_NAMES.items() if name not in frame.columns}
    return Annotations(frame.rename(columns=names), source=path)


def write_identity_csv(annotations: Annotations, path: Path | str) -> None:
    """Write an identity table with all of hanzaki's columns; what is not known stays empty.

    Paths that are not absolute are written as they lead from the new table's folder, so that tables and pictures
    can be moved together. The file is written whole or not at all; an earlier one is replaced.

    Raises:
        TableError: if a cell is not UTF-8, or the file cannot be written.
    """
    path = Path(path)
    incoming = path.with_name(path.name + ".incoming")
    try:
        with incoming.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\r\n")  # as RFC 4180 has it; cells with either are quoted
            writer.writerow(COLUMNS)
            for row in annotations:
                cells = {name: getattr(row, name) for name in COLUMNS}
                cells["path"] = moved_path(row.path, annotations.folder, path.parent)
                writer.writerow([_written(cell) for cell in cells.values()])
        incoming.replace(path)
    except UnicodeEncodeError as error:
        text = f"{error.object!r} is not UTF-8: give it another name"
        raise TableError(path, [TableProblem(None, None, text)]) from error
    except OSError as error:
        raise TableError(path, [TableProblem(None, None, f"cannot be written: {error.strerror}")]) from error
    finally:
        incoming.unlink(missing_ok=True)


def _written(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat().removesuffix("T00:00:00")  # a day without its time
    return str(cell)
