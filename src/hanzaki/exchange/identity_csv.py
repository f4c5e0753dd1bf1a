"""The identity table as the field writes it: CSV with wildlife-datasets' columns.

``identity`` and ``path``, and where known ``image_id species orientation encounter date bbox site``. Newer tables
say ``position`` for ``orientation``; boxes stand as ``[x, y, w, h]`` or ``x y w h``; an unknown animal is
``unknown``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from hanzaki.annotations import Annotations
from hanzaki.errors import TableError, TableProblem

_OTHER_NAMES = {"position": "orientation"}


def read_identity_csv(path: Path | str) -> Annotations:
    """Read an identity table.

    Raises:
        TableError: if the file is no such table, with every cell that cannot be understood.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except FileNotFoundError:
        raise TableError(path, [TableProblem(None, None, "no such file")]) from None
    except UnicodeDecodeError as error:
        text = f"is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'"
        raise TableError(path, [TableProblem(None, None, text)]) from error
    except (OSError, csv.Error) as error:
        raise TableError(path, [TableProblem(None, None, str(error))]) from error
    # cells stay text: an animal called 007 is not the number 7
    frame = pd.DataFrame(_of_equal_length(path, header, rows), columns=header, dtype=object)
    names = {other: name for other, name in _OTHER_NAMES.items() if name not in frame.columns}
    return Annotations(frame.rename(columns=names), source=path)


def _of_equal_length(path: Path, header: list[str], rows: list[list[str]]) -> list[list[str]]:
    """The rows without trailing blank lines; a cell too many or too few would shift all behind it."""
    while rows and not any(rows[-1]):
        rows.pop()
    problems = [
        TableProblem(number, None, f"has {len(row)} cells, the header {len(header)}; is a comma not in quotes?")
        for number, row in enumerate(rows, 2)
        if len(row) != len(header)
    ]
    if len(set(header)) < len(header):
        problems.insert(0, TableProblem(1, None, "two columns have the same name"))
    if problems:
        raise TableError(path, problems)
    return rows
